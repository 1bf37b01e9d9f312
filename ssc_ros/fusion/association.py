"""Which frames show a chunk of a scene."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.volume_grid import Shape, VolumeGrid
from ssc_ros.geometry.transforms import transform_points

SAMPLE_STRIDE = 4
MIN_FRACTION = 0.05
MAX_VIEWS = 5
# How far from the centre of a surface voxel a sample may lie.
REACH_VOXELS = 1.0


@dataclass(frozen=True, slots=True)
class ChunkView:
    """
    A frame that shows a chunk.

    Attributes:
        count: depth samples of the frame on surfaces of the chunk.
        fraction: their share of all its depth samples.
    """

    frame_id: str
    count: int
    fraction: float


@dataclass(frozen=True, slots=True, eq=False)
class _FrameSamples:
    frame_id: str
    voxels: NDArray[np.int32]
    num_valid: int


class FrameAssociation:
    """
    Finds the frames that show each chunk of a scene (Huang et al., S4R, 2023).

    Args:
        complete: the complete volume of the scene.
        frames: gone through once; of each the depth samples on surfaces are kept.
    """

    def __init__(self, complete: SceneVolume, frames: Iterable[PosedFrame]) -> None:
        surface = complete.surface
        self._samples = [
            _surface_samples(frame, complete.grid, surface)
            for frame in frames if frame.is_tracked]

    def views(
        self, start: Shape, shape: Shape, *, min_fraction: float = MIN_FRACTION,
        max_views: int = MAX_VIEWS,
    ) -> tuple[ChunkView, ...]:
        """
        Return the frames that show a chunk best.

        Args:
            start, shape: first voxel and size of the chunk, along z, y and x.
            min_fraction: of a frame's depth samples, to be on surfaces of the chunk.
            max_views: how many frames at most, most samples first.
        """
        views = []
        for samples in self._samples:
            offset = samples.voxels - np.asarray(start, np.int32)
            count = int(((offset >= 0) & (offset < np.asarray(shape))).all(axis=1).sum())
            fraction = count / max(samples.num_valid, 1)
            if count and fraction >= min_fraction:
                views.append(ChunkView(samples.frame_id, count, fraction))
        return tuple(sorted(views, key=lambda view: -view.count)[:max_views])


def _surface_samples(
    frame: PosedFrame, grid: VolumeGrid, surface: NDArray[np.bool_],
) -> _FrameSamples:
    points = grid.to_grid(transform_points(frame.T_world_camera, depth_points(frame)))[:, ::-1]
    near = points[_is_near(points, surface)]
    return _FrameSamples(frame.frame_id, np.rint(near).astype(np.int32), len(points))


def depth_points(frame: PosedFrame, stride: int = SAMPLE_STRIDE) -> NDArray[np.float64]:
    """Return (N, 3) points of every ``stride``-th measured pixel in the optical frame."""
    camera = frame.depth_camera
    depth = frame.depth_m[::stride, ::stride].astype(np.float64)
    row, column = np.nonzero(np.isfinite(depth) & (depth > 0))
    z = depth[row, column]
    return np.stack([(column * stride - camera.cx) / camera.fx * z,
                     (row * stride - camera.cy) / camera.fy * z, z], axis=1)


def _is_near(points: NDArray[np.float64], surface: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which points (z, y, x) lie within reach of the centre of a surface voxel."""
    low = np.floor(points).astype(np.int64)
    is_near = np.zeros(len(points), np.bool_)
    # Centres within one voxel are corners of the cell around the point.
    for corner in np.ndindex(2, 2, 2):
        voxel = low + corner
        is_inside: NDArray[np.bool_] = np.all((voxel >= 0) & (voxel < surface.shape), axis=1)
        z, y, x = np.where(is_inside[:, None], voxel, 0).T
        distance = np.linalg.norm(points - voxel, axis=1)
        is_near |= is_inside & surface[z, y, x] & (distance <= REACH_VOXELS)
    return is_near
