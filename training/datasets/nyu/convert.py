"""Convert the raw SSCNet release into the layout of 3D-Sketch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import DataError
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.tsdf import DEFAULT_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_settings import TsdfSettings

from .conventions import CAMERAS, RULES_FILE, SUBDIVISION
from .pooling import nyu12_from_raw, pool_labels, sketch
from .poses import write_poses
from .raw import RawVolume, read_depth, read_volume, write_depth
from .regions import label_weight
from .samples import BrokenFrame

SOURCES = ('NYU', 'NYUCAD')


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """
    How volumes are made; the defaults are those of the released package.

    Attributes:
        camera: intrinsics, a name of `CAMERAS`.
        tsdf: kind of distance stored; label weights always follow the default kind.
        with_sketch: also store the edges of the labels.
    """

    camera: str = 'nyu'
    tsdf: TsdfSettings = DEFAULT_TSDF
    with_sketch: bool = False


@dataclass(frozen=True, slots=True)
class RawFrame:
    """The files of one frame of the release."""

    frame_id: int
    split: str
    depth_path: Path
    volume_path: Path


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedFrame:
    """Volumes of one frame, as in `NyuSample`, and its depth."""

    tsdf: NDArray[np.float32]
    label_weight: NDArray[np.bool_]
    pixel_of_voxel: NDArray[np.int64]
    labels: NDArray[np.uint8]
    placement: BoxPlacement
    depth_m: NDArray[np.float32]


@dataclass(slots=True)
class ConversionReport:
    """What a conversion wrote and what it left out."""

    placements: dict[int, BoxPlacement] = field(default_factory=dict)
    broken: list[BrokenFrame] = field(default_factory=list)


def find_raw_frames(raw_root: Path, source: str) -> dict[int, RawFrame]:
    """
    List the frames of a release: NYU or NYUCAD, with `depthbin` or without.

    Raises:
        DataError: there are none.
    """
    frames = {}
    for split in ('train', 'test'):
        for folder in (raw_root / 'depthbin' / f'{source}{split}', raw_root / f'{source}{split}'):
            for path in sorted(folder.glob('NYU????_0000.bin')):
                frame_id = int(path.name[3:7])
                frames[frame_id] = RawFrame(frame_id, split, path.with_suffix('.png'), path)
    if not frames:
        raise DataError(f'{raw_root} holds no {source} frame: expected '
                        f'depthbin/{source}test/NYU0001_0000.bin and .png of the SSCNet release')
    return dict(sorted(frames.items()))


def convert_frame(
    depth_m: NDArray[np.float32], volume: RawVolume, options: ConversionOptions,
) -> ConvertedFrame:
    """Compute the volumes of one frame from its depth image and its annotation."""
    camera, placement = CAMERAS[options.camera], volume.placement
    plain = compute_tsdf(
        depth_m, camera, placement.grid, placement.T_camera_voxel, subdivision=SUBDIVISION)
    stored = plain if options.tsdf == DEFAULT_TSDF else compute_tsdf(
        depth_m, camera, placement.grid, placement.T_camera_voxel, subdivision=SUBDIVISION,
        settings=options.tsdf)
    labels = pool_labels(nyu12_from_raw(volume.raw_labels))
    return ConvertedFrame(
        stored.values, label_weight(labels, plain.values), plain.pixel_of_voxel, labels,
        placement, depth_m)


def load_and_convert(frame: RawFrame, options: ConversionOptions) -> ConvertedFrame:
    """Read the files of a frame and convert them."""
    return convert_frame(read_depth(frame.depth_path), read_volume(frame.volume_path), options)


def write_frame(
    folder: Path, frame_id: int, converted: ConvertedFrame, *, with_sketch: bool = False,
) -> None:
    """Write the files of one frame with the names, keys and types of the released package."""
    name = f'{frame_id:04d}.npz'
    arrays = {
        'TSDF': (converted.tsdf.ravel(), converted.label_weight.ravel().astype(np.float64)),
        'Mapping': (converted.pixel_of_voxel,),
        'Label': (converted.labels.ravel().astype(np.int32),)}
    for kind, values in arrays.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / kind / name, *values)
    write_depth(folder / 'Depth' / f'{frame_id:04d}.png', converted.depth_m)
    if with_sketch:
        (folder / 'sketch3D').mkdir(exist_ok=True)
        np.save(folder / 'sketch3D' / f'{frame_id:04d}.npy', sketch(converted.labels))


def convert(
    raw_root: Path, out_root: Path, source: str = 'NYU', options: ConversionOptions | None = None,
    *, rgb_root: Path | None = None, skip_broken: bool = False, workers: int = 1,
    progress: bool = False,
) -> ConversionReport:
    """
    Convert a release into `out_root/<source>`.

    Args:
        source: NYU (Kinect depth) or NYUCAD (rendered depth).
        rgb_root: folder that holds NYU0001_colors.png, .jpg or NYU0001_rgb.png at any depth.
        skip_broken: leave out damaged frames and report them.
        workers: processes.

    Raises:
        DataError: a file is missing or damaged, and frames are not to be skipped.
    """
    options = options or ConversionOptions()
    frames = find_raw_frames(raw_root, source)
    folder = out_root / source
    folder.mkdir(parents=True, exist_ok=True)
    colors = _find_colors(rgb_root) if rgb_root is not None else {}
    report = ConversionReport()
    jobs = [(frame, folder, options, colors.get(frame.frame_id)) for frame in frames.values()]
    for frame, outcome in zip(
            frames.values(), tqdm(_outcomes(jobs, workers), total=len(jobs), desc=source,
                                  unit='frame', disable=not progress), strict=True):
        if isinstance(outcome, BoxPlacement):
            report.placements[frame.frame_id] = outcome
        elif skip_broken:
            report.broken.append(BrokenFrame(frame.frame_id, outcome))
        else:
            raise DataError(outcome)
    if not report.placements:
        raise DataError(f'no frame of {raw_root} could be converted: {report.broken[0].reason}')
    _write_lists(folder, frames, report.placements, options)
    return report


_Job = tuple[RawFrame, Path, ConversionOptions, 'Path | None']


def _outcomes(jobs: list[_Job], workers: int) -> Iterable[BoxPlacement | str]:
    if workers <= 1:
        yield from map(_convert_job, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_convert_job, jobs)


def _convert_job(job: _Job) -> BoxPlacement | str:
    """Convert and write one frame; return its box, or what is wrong with its files."""
    frame, folder, options, color = job
    try:
        converted = load_and_convert(frame, options)
    except DataError as error:
        return str(error)
    write_frame(folder, frame.frame_id, converted, with_sketch=options.with_sketch)
    if color is not None:
        (folder / 'RGB').mkdir(exist_ok=True)
        shutil.copyfile(
            color, folder / 'RGB' / f'NYU{frame.frame_id:04d}_colors{color.suffix}')
    return converted.placement


def _find_colors(rgb_root: Path) -> dict[int, Path]:
    patterns = ('NYU????_colors.jpg', 'NYU????_rgb.png', 'NYU????_colors.png')
    return {int(path.name[3:7]): path
            for pattern in patterns for path in sorted(rgb_root.rglob(pattern))}


def _write_lists(
    folder: Path, frames: Mapping[int, RawFrame], placements: Mapping[int, BoxPlacement],
    options: ConversionOptions,
) -> None:
    for split in ('train', 'test'):
        ids = [frame_id for frame_id in placements if frames[frame_id].split == split]
        if ids:
            (folder / f'{split}.txt').write_text(
                ''.join(f'{frame_id:04d}\n' for frame_id in ids), encoding='ascii')
    write_poses(folder, placements, CAMERAS[options.camera])
    rules = json.dumps(asdict(options), indent=2)
    (folder / RULES_FILE).write_text(rules + '\n', encoding='ascii')
