"""From a scan to what S4R trains on: pairs of chunks, the views of each, and their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ssc_ros.errors import DataError
from ssc_ros.fusion.association import FrameAssociation, depth_points
from ssc_ros.fusion.chunks import Chunk, ChunkRules, iter_chunks
from ssc_ros.fusion.formats import ChunkFile, write_chunk, write_frame_list, write_semantics
from ssc_ros.fusion.frame_choice import stored_kept_frames, video_frames
from ssc_ros.fusion.tsdf_fusion import TsdfFusion, fuse_scene
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.labels import load_label_space
from training.segmenters.class_map import load_class_map

from .frame import Scan, ScanFrame
from .spsg import COMPLETE, INCOMPLETE, write_spsg_image
from .synthetic import SyntheticScan

CHUNKS, FRAME_LISTS, IMAGES, KEPT = 'chunks', 'data-frames', 'images', 'frames_incomplete'
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
        max_chunks: of a scene, drawn evenly; None keeps all.
    """

    label_space: str = 'matterport11'
    step: int = 1
    drop_probability: float = 0.5
    run_length: int = 1
    rules: ChunkRules = field(default_factory=ChunkRules)
    max_chunks: int | None = None


def write_training_chunks(
    scan: Scan, out: Path | str, options: ChunkOptions | None = None, *, device: str = 'cpu',
) -> int:
    """
    Fuse a scan, cut it, and write chunks, view lists and images in SPSG's folders.

    Beside each complete chunk of a synthetic scan lies `<chunk>.sem`, the true classes of the
    voxels near fused surfaces, 255 elsewhere; beside colour images of labelled scans lies label/.

    Args:
        out: receives chunks/, data-frames/, images/<scan>/ and frames_incomplete/.

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
    grid = scan.volume_grid() if isinstance(scan, SyntheticScan) else measured_grid(frames)
    incomplete, complete = fuse_scene(frames, TsdfFusion(grid, device), kept)
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


def measured_grid(frames: Sequence[ScanFrame]) -> VolumeGrid:
    """Return the padded grid around what tracked frames measured, without stray points."""
    points = [transform_points(frame.T_world_camera, depth_points(frame, 8)) for frame in frames]
    return VolumeGrid.around_points(np.concatenate(points))


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
    if isinstance(scan, SyntheticScan):
        own = load_label_space(scan.label_space)
        table = load_class_map(own.name, options.label_space).table(own.names)
        labels = table[scan.surface_labels(chunk.complete.grid, chunk.complete.surface)]
        write_semantics(root / CHUNKS / f'{_name(scan, COMPLETE, number)}.sem',
                        labels.astype(np.uint16))
