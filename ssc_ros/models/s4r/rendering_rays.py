"""Rays of a camera through a volume of voxels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ssc_ros.models.s4r.rendering_config import RenderingConfig

# Stands for a direction of zero where a ray runs along a side of the box.
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """
    N rays in the frame of the grid: unit 1 voxel, integers at voxel centres, order x, y, z.

    Attributes:
        origin: (3,) of the camera.
        directions: (3, N) of length 1.
        voxels_per_metre: (N,) length of ray per metre of depth along the optical axis.
        start: (N,) distance of sample 0; sample k lies k steps behind it.
        entry: (N,) distance at which the ray enters the box of voxel centres; inf if it does not.
        first, last: (N,) int32 samples inside the box; first > last where there are none.
        shape: (Z, Y, X) of the volume.
        step: between samples.
    """

    origin: Tensor
    directions: Tensor
    voxels_per_metre: Tensor
    start: Tensor
    entry: Tensor
    first: Tensor
    last: Tensor
    shape: tuple[int, int, int]
    step: float

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, which: Tensor) -> Rays:
        """Keep some rays, given by index."""
        # Row by row: index_select of one axis is several times faster than indexing.
        directions = torch.stack([row.index_select(0, which) for row in self.directions])
        return replace(
            self, directions=directions, voxels_per_metre=self.voxels_per_metre[which],
            start=self.start[which], entry=self.entry[which], first=self.first[which],
            last=self.last[which])

    def at(self, distance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, y, z of points on the rays: one (N,) or several (N, S) distances per ray."""
        directions = self.directions.view(3, -1, *(1,) * (distance.ndim - 1))
        x, y, z = (
            torch.addcmul(self.origin[axis], distance, directions[axis]) for axis in range(3))
        return x, y, z


def rays_of_image(
    T_grid_camera: Tensor, intrinsics: Tensor, *, size: tuple[int, int],
    shape: tuple[int, int, int], config: RenderingConfig,
) -> Rays:
    """
    Return one ray per pixel, row by row.

    Args:
        T_grid_camera: (4, 4) from metres of the optical frame into voxels of the grid; its scale
            is the only place that knows the voxels' size, and it may mirror.
        intrinsics: (4,) fx, fy, cx, cy in pixels.
        size: (height, width) in pixels.
        shape: (Z, Y, X) of the volume.
        config: depths and step.
    """
    fx, fy, cx, cy = intrinsics.unbind()
    height, width = size
    u, v = (torch.arange(length).to(T_grid_camera) for length in (width, height))
    u, v = (u - cx) / fx, (v - cy) / fy
    # Per metre of depth.
    steps = (T_grid_camera[:3, 0, None, None] * u + T_grid_camera[:3, 1, None, None] * v[:, None]
             + T_grid_camera[:3, 2, None, None]).flatten(1)
    lengths = steps.norm(dim=0)
    origin, directions = T_grid_camera[:3, 3].contiguous(), steps / lengths
    entry, leave = _crossed_box(origin, directions, shape)
    start, end = config.nearest_m * lengths, config.farthest_m * lengths
    first = ((entry - start) / config.step_voxels).ceil().clamp(min=0)
    last = ((torch.minimum(leave, end) - start) / config.step_voxels).floor()
    misses = leave < entry
    return Rays(
        origin, directions, lengths, start, entry.masked_fill(misses, torch.inf),
        first.masked_fill(misses, 0).to(torch.int32),
        last.masked_fill(misses, -1).to(torch.int32), shape, config.step_voxels)


def _crossed_box(
    origin: Tensor, directions: Tensor, shape: tuple[int, int, int],
) -> tuple[Tensor, Tensor]:
    """Return the distances (N,) at which rays enter and leave the box of voxel centres."""
    directions = torch.where(directions.abs() < _TINY, _TINY, directions)
    ends = torch.tensor(shape[::-1], dtype=origin.dtype, device=origin.device) - 1
    low, high = -origin[:, None] / directions, (ends - origin)[:, None] / directions
    enter = torch.minimum(low, high).amax(0).clamp(min=0)
    return enter, torch.maximum(low, high).amin(0)
