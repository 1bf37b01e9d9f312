"""Commands around whole volumes: fuse a scan, validate, associate its frames, complete it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.fusion.association import MAX_VIEWS, FrameAssociation
from ssc_ros.fusion.formats import read_chunk, read_scene, write_frame_list, write_scene
from ssc_ros.fusion.frame_choice import video_frames
from ssc_ros.fusion.mesh import MeshLayers, fused_mesh, surface_mesh, write_ply
from ssc_ros.fusion.preparation import prepare_frame
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.tsdf_fusion import TsdfFusion, load_volume, save_volume
from ssc_ros.fusion.validation import volume_problems
from ssc_ros.fusion.volume_grid import VOXEL_SIZE_M
from ssc_ros.models.estimator import load_volume_estimator
from ssc_ros.models.s4r.processing import S4rEstimator
from ssc_ros.models.s4r.windows import Windowing

from .opening import READERS, open_scan
from .prepare import CHUNKS, FRAME_LISTS, measured_grid
from .spsg import find_chunks

Chosen = TypeVar('Chosen')

WRITERS: Mapping[str, Callable[[Path, SceneVolume], None]] = {
    '.npz': save_volume, '.sdf': write_scene}
LOADERS: Mapping[str, Callable[[Path], SceneVolume]] = {'.npz': load_volume, '.sdf': read_scene}


def add_volume_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add fuse, validate, associate and complete to a parser."""
    fuse = commands.add_parser('fuse', help='fuse a scan into one volume, and into a mesh')
    _add_scan(fuse)
    fuse.add_argument('out', type=Path, help='.npz without loss, or .sdf as of SPSG and SG-NN')
    fuse.add_argument('--step', type=int, default=1, help='fuse every STEP-th frame; video: 20')
    fuse.add_argument('--voxel-size', type=float, default=VOXEL_SIZE_M, metavar='METRES',
                      help='0.04 for the small networks')
    fuse.add_argument('--device', default='cpu')
    fuse.set_defaults(run=_fuse)
    validate = commands.add_parser('validate', help='say whether networks can read a volume')
    validate.add_argument('volume', type=Path)
    validate.set_defaults(run=_validate)
    associate = commands.add_parser(
        'associate', help='list anew the frames of a scan that see each chunk')
    associate.add_argument('root', type=Path, help='folder that holds chunks/')
    _add_scan(associate)
    associate.set_defaults(run=_associate)
    complete = commands.add_parser('complete', help='complete a fused volume into a mesh')
    complete.add_argument('volume', type=Path)
    complete.add_argument('out', type=Path, help='.ply')
    complete.add_argument('--weights', default='s4r_small_rooms')
    complete.add_argument('--device', default='auto')
    complete.set_defaults(run=_complete)


def _add_scan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('reader', choices=sorted(READERS))
    parser.add_argument('scan', type=Path)


def read_volume(path: Path) -> SceneVolume:
    """
    Read a volume by the end of its name.

    Raises:
        DataError: it is missing or damaged.
        ConfigurationError: nothing reads such files.
    """
    if not path.is_file():
        raise DataError(f'{path} does not exist: make it with the command fuse')
    return _chosen(LOADERS, path)(path)


def completed_mesh_layers(volume: SceneVolume, network: S4rEstimator) -> MeshLayers:
    """Return what was measured, and what a network infers where nothing was."""
    network.windowing = Windowing(keeps_probabilities=True)
    said = network(volume.network_input())
    observed = volume.weight > 0
    if said.tsdf_voxels is None or said.near_surface is None or said.rgb is None:
        raise ConfigurationError(
            f'{network.name} predicts no distances or no colours: choose weights that do both')
    return MeshLayers(
        volume.grid, np.where(observed, volume.tsdf_voxels, said.tsdf_voxels), observed=observed,
        near_surface=observed | said.near_surface,
        rgb=np.where(observed[..., None], volume.rgb, said.rgb),
        probabilities=said.probabilities)


def _chosen(table: Mapping[str, Chosen], path: Path) -> Chosen:
    if path.suffix not in table:
        raise ConfigurationError(f'{path} must end with {" or ".join(table)}')
    return table[path.suffix]


def _fuse(options: argparse.Namespace) -> str:
    write = _chosen(WRITERS, options.out)
    scan = open_scan(options.reader, options.scan)
    ids = video_frames(scan.poses(), options.step)
    if not ids:
        raise DataError(f'scan {scan.name} has no tracked frame: nothing can be fused')
    frames = [scan.read(frame_id) for frame_id in ids]
    fusion = TsdfFusion(measured_grid(frames, options.voxel_size), options.device)
    for frame in frames:
        fusion.integrate(prepare_frame(frame, fusion.settings))
    volume, mesh_path = fusion.volume(), options.out.with_suffix('.ply')
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write(options.out, volume)
    mesh = fused_mesh(volume)
    write_ply(mesh_path, mesh)
    z, y, x = volume.grid.shape
    return (f'{len(ids)} frames of {scan.name} in {options.out} ({x} x {y} x {z} voxels) and '
            f'{mesh_path} ({len(mesh.faces)} triangles)')


def _validate(options: argparse.Namespace) -> str:
    problems = volume_problems(read_volume(options.volume))
    return '\n'.join(problems) or f'{options.volume} is as networks expect it'


def _associate(options: argparse.Namespace) -> str:
    scan = open_scan(options.reader, options.scan)
    frames = [scan.read(frame_id) for frame_id in scan.poses()]
    pairs = [pair for pair in find_chunks(options.root / CHUNKS, options.root / FRAME_LISTS)
             if pair.scene == scan.name]
    if not pairs:
        raise DataError(f'{options.root / CHUNKS} holds no chunk of {scan.name}')
    (options.root / FRAME_LISTS).mkdir(exist_ok=True)
    for pair in pairs:
        volume = read_chunk(pair.complete).volume
        views = FrameAssociation(volume, frames).views((0, 0, 0), volume.grid.shape)
        write_frame_list(pair.frame_list, [view.frame_id for view in views], MAX_VIEWS)
    return f'lists of {len(pairs)} chunks of {scan.name} in {options.root / FRAME_LISTS}'


def _complete(options: argparse.Namespace) -> str:
    volume = read_volume(options.volume)
    network = load_volume_estimator(options.weights, device=options.device)
    if not isinstance(network, S4rEstimator):
        raise ConfigurationError(f'{options.weights} is no S4R: name a bundle of S4R')
    expected_m, size_m = network.config.voxel_size_m, volume.grid.voxel_size_m
    if not np.isclose(size_m, expected_m):
        raise ConfigurationError(f'{options.volume} has voxels of {size_m:g} m, {network.name} '
                                 f'takes {expected_m:g} m: fuse with --voxel-size {expected_m:g}')
    mesh = surface_mesh(completed_mesh_layers(volume, network))
    write_ply(options.out, mesh)
    return (f'{options.out}: {len(mesh.faces)} triangles, {int(mesh.observed.sum())} of '
            f'{len(mesh.vertices)} vertices measured')
