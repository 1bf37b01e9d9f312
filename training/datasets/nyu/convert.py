"""Convert the raw SSCNet release into the layout of 3D-Sketch."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import DataError
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.tsdf import DEFAULT_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_settings import TsdfSettings

from .conventions import CAMERAS, SUBDIVISION
from .pooling import nyu12_from_raw, pool_labels
from .poses import write_poses
from .raw import RawVolume, read_depth, read_volume
from .regions import label_weight
from .samples import BrokenFrame
from .writer import ConvertedFrame, write_frame, write_rules, write_split

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
    jobs = [(frame, folder, options, colors.get(frame.frame_id)) for frame in frames.values()]
    outcomes = tqdm(_outcomes(jobs, workers), total=len(jobs), desc=source, unit='frame',
                    disable=not progress)
    report = _report(frames, outcomes, skip_broken=skip_broken)
    for split in ('train', 'test'):
        write_split(folder, split, [
            frame_id for frame_id in report.placements if frames[frame_id].split == split])
    write_poses(folder, report.placements, CAMERAS[options.camera])
    write_rules(folder, asdict(options))
    return report


def _report(
    frames: Iterable[int], outcomes: Iterable[BoxPlacement | str], *, skip_broken: bool,
) -> ConversionReport:
    report = ConversionReport()
    for frame_id, outcome in zip(frames, outcomes, strict=True):
        if isinstance(outcome, BoxPlacement):
            report.placements[frame_id] = outcome
        elif skip_broken:
            report.broken.append(BrokenFrame(frame_id, outcome))
        else:
            raise DataError(outcome)
    if not report.placements:
        raise DataError(f'no frame could be converted; first fault: {report.broken[0].reason}')
    return report


_Job = tuple[RawFrame, Path, ConversionOptions, Path | None]


def _outcomes(jobs: list[_Job], workers: int) -> Iterable[BoxPlacement | str]:
    if workers <= 1:
        yield from map(_convert_job, jobs)
        return
    # Spawned, not forked: OpenCV and torch keep threads that a fork would lose.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, _use_one_thread) as pool:
        yield from pool.imap(_convert_job, jobs)


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


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
