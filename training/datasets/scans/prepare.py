"""From a scan to what S4R trains on: pairs of chunks, the views of each, and their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ssc_ros.errors import DataError
from ssc_ros.fusion.association import FrameAssociation, depth_points
from ssc_ros.fusion.chunks import Chunk, ChunkRules, iter_chunks
from ssc_ros.fusion.formats import (
    ChunkFile,
    write_chunk,
    write_frame_list,
    write_scene,
    write_semantics,
)
from ssc_ros.fusion.frame_choice import stored_kept_frames, video_frames
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.tsdf_fusion import TsdfFusion, fuse_scene
from ssc_ros.fusion.volume_grid import VOXEL_SIZE_M, VolumeGrid
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.labels import load_label_space
from training.segmenters.class_map import load_class_map

from .frame import Scan, ScanFrame
from .spsg import COMPLETE, INCOMPLETE, write_spsg_image
from .synthetic import SyntheticScan

CHUNKS, FRAME_LISTS, IMAGES, KEPT = 'chunks', 'data-frames', 'images', 'frames_incomplete'
SCENES = 'scenes'
MAX_VIEWS = 5


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """
    How chunks are made of scans.

    Attributes:
        label_space: classes of label images and volumes, where the scan has any truth.
        step: every step-th frame is fused; 20 for videos.
        drop_probability, run_length: of the frames that the incomplete volume lacks; a video
            loses runs of 5.
        rules: how scenes are cut.
        max_chunks: of a scene, drawn evenly; None keeps all, 0 makes none.
        voxel_size_m: of the volumes; larger ones go with rules of fewer voxels.
        writes_scenes: keep both volumes of the whole scene, too, to score networks on.
    """

    label_space: str = 'matterport11'
    step: int = 1
    drop_probability: float = 0.5
    run_length: int = 1
    rules: ChunkRules = field(default_factory=ChunkRules)
    max_chunks: int | None = None
    voxel_size_m: float = VOXEL_SIZE_M
    writes_scenes: bool = False


def rules_at(voxel_size_m: float) -> ChunkRules:
    """
    Return the rules of chunks that span as many metres as those of voxels of 2 cm.

    >>> rules_at(0.04).shape, rules_at(0.04).min_complete
    ((64, 32, 32), 1250)
    """
    share, usual = VOXEL_SIZE_M / voxel_size_m, ChunkRules()
    z, y, x = (round(length * share) for length in usual.shape)
    # Surfaces grow with the square of the length.
    least, least_before = (
        round(count * share ** 2) for count in (usual.min_complete, usual.min_incomplete))
    return ChunkRules((z, y, x), round(usual.stride * share), least, least_before)


def write_training_chunks(
    scan: Scan, out: Path | str, options: ChunkOptions | None = None, *, device: str = 'cpu',
) -> int:
    """
    Fuse a scan, cut it, and write chunks, view lists and images in SPSG's folders.

    Beside each complete chunk of a synthetic scan lies `<chunk>.sem`, the true classes of the
    voxels near fused surfaces, 255 elsewhere; beside colour images of labelled scans lies label/.

    Args:
        out: receives chunks/, data-frames/, images/<scan>/ and frames_incomplete/; with
            `writes_scenes` also scenes/<scan>__inc__0.sdf, its `__cmp__` twin and what belongs
            to them.

    Returns:
        The number of chunks.

    Raises:
        DataError: no frame was tracked, or there is no way from the scan's classes to those
            wanted.
    """
    options, root = options or ChunkOptions(), Path(out)
    frame_ids = video_frames(scan.poses(), options.step)
    if not frame_ids:
        raise DataError(f'scan {scan.name} has no tracked frame: nothing can be fused')
    frames = [_translated(scan.read(frame_id), scan, options) for frame_id in frame_ids]
    kept = stored_kept_frames(
        root / KEPT, frame_ids, scan.name, drop_probability=options.drop_probability,
        run_length=options.run_length)
    voxel_size_m = options.voxel_size_m
    grid = scan.volume_grid(voxel_size_m) if isinstance(scan, SyntheticScan) else (
        measured_grid(frames, voxel_size_m))
    incomplete, complete = fuse_scene(frames, TsdfFusion(grid, device), kept)
    if options.writes_scenes:
        _write_scene_pair(root, scan, (incomplete, complete), options)
    association = FrameAssociation(complete, frames)
    # Where they are, not what they hold: a large scene has gigabytes of overlapping chunks.
    shape = options.rules.shape
    seen = [(chunk.start, views) for chunk in iter_chunks(incomplete, complete, options.rules)
            if (views := association.views(chunk.start, shape, max_views=MAX_VIEWS))]
    if options.max_chunks is not None and len(seen) > options.max_chunks:
        chosen = np.linspace(0, len(seen) - 1, options.max_chunks).round().astype(int)
        seen = [seen[index] for index in chosen]
    for folder in (CHUNKS, FRAME_LISTS):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number, (start, views) in enumerate(seen):
        chunk = Chunk(start, incomplete.cropped(start, shape), complete.cropped(start, shape))
        _write_chunk(root, scan, number, chunk, options)
        write_frame_list(root / FRAME_LISTS / f'{_name(scan, COMPLETE, number)}.txt',
                         [view.frame_id for view in views], MAX_VIEWS)
    for frame in frames:
        write_spsg_image(root / IMAGES / scan.name, frame)
    return len(seen)


def measured_grid(
    frames: Sequence[ScanFrame], voxel_size_m: float = VOXEL_SIZE_M,
) -> VolumeGrid:
    """Return the padded grid around what tracked frames measured, without stray points."""
    points = [transform_points(frame.T_world_camera, depth_points(frame, 8)) for frame in frames]
    return VolumeGrid.around_points(np.concatenate(points), voxel_size_m=voxel_size_m)


def _name(scan: Scan, kind: str, number: int) -> str:
    return f'{scan.name}_room0{kind}{number}'


def _translated(frame: ScanFrame, scan: Scan, options: ChunkOptions) -> ScanFrame:
    """Return a frame whose labels are in the classes wanted."""
    if frame.labels is None or scan.label_space is None:
        return frame
    own = load_label_space(scan.label_space)
    table = load_class_map(own.name, options.label_space).table(own.names)
    return replace(frame, labels=table[frame.labels])


def _write_chunk(
    root: Path, scan: Scan, number: int, chunk: Chunk, options: ChunkOptions,
) -> None:
    for kind, volume in ((INCOMPLETE, chunk.incomplete), (COMPLETE, chunk.complete)):
        write_chunk(root / CHUNKS / f'{_name(scan, kind, number)}.sdf', ChunkFile.of(volume))
    _write_truth(root / CHUNKS / f'{_name(scan, COMPLETE, number)}.sem', scan, chunk.complete,
                 options)


def _write_scene_pair(
    root: Path, scan: Scan, pair: tuple[SceneVolume, SceneVolume], options: ChunkOptions,
) -> None:
    (root / SCENES).mkdir(parents=True, exist_ok=True)
    for kind, volume in zip((INCOMPLETE, COMPLETE), pair, strict=True):
        path = root / SCENES / f'{scan.name}{kind}0.sdf'
        write_scene(path, volume)
        _write_truth(path.with_suffix('.sem'), scan, volume, options)


def _write_truth(path: Path, scan: Scan, volume: SceneVolume, options: ChunkOptions) -> None:
    """Write the true classes of the voxels near surfaces, where they are known."""
    if isinstance(scan, SyntheticScan):
        own = load_label_space(scan.label_space)
        table = load_class_map(own.name, options.label_space).table(own.names)
        labels = table[scan.surface_labels(volume.grid, volume.surface)]
        write_semantics(path, labels.astype(np.uint16))
