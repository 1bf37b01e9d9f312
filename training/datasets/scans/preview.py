"""A glance into a volume: how much a camera would see of it, in a millisecond."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera

from .frame import Matrix
from .virtual_views import WIDE_CAMERA, Look, Preview

GLANCE_SIZE = (16, 20)
MAX_DEPTH_M = 5.0
# Within this many voxels of a surface a change of sign is one; beyond, values are clamped.
BAND_VOXELS = 2.9


def preview_of(
    tsdf_voxels: Tensor | NDArray[np.float32], grid: VolumeGrid,
    camera: PinholeCamera = WIDE_CAMERA, size: tuple[int, int] = GLANCE_SIZE,
) -> Look:
    """
    Return a function that tells what a pose sees of a volume.

    Rays advance by one voxel through the nearest values, on the device of the volume: enough to
    accept or refuse a pose, not to compare images with.

    Args:
        tsdf_voxels: (Z, Y, X) distances in voxels, positive in front of surfaces.
        size: (height, width) of the rays' raster, over the field of view of the camera.
    """
    tsdf = torch.as_tensor(tsdf_voxels).detach()
    glance = camera.resized(*size)
    v, u = torch.meshgrid(
        torch.arange(size[0], device=tsdf.device), torch.arange(size[1], device=tsdf.device),
        indexing='ij')
    rays = torch.stack([(u - glance.cx) / glance.fx, (v - glance.cy) / glance.fy,
                        torch.ones_like(u)], dim=-1).reshape(-1, 3).float()
    lengths = rays.norm(dim=1)
    steps = torch.arange(1, int(MAX_DEPTH_M / grid.voxel_size_m), device=tsdf.device)
    # (R, S, 3) points of the camera's frame in metres, and their depth.
    depth_m = steps * grid.voxel_size_m / lengths[:, None]
    points = rays[:, None] * depth_m[..., None]
    return partial(_look, tsdf, grid, points, depth_m)


def _look(
    tsdf: Tensor, grid: VolumeGrid, points: Tensor, depth_m: Tensor, T_world_camera: Matrix,
) -> Preview:
    T_grid_camera = torch.as_tensor(
        grid.T_grid_world @ T_world_camera, dtype=torch.float32, device=tsdf.device)
    places = points @ T_grid_camera[:3, :3].T + T_grid_camera[:3, 3]
    x, y, z = places.round().long().unbind(-1)
    is_inside = (x >= 0) & (y >= 0) & (z >= 0)
    for axis, length in zip((z, y, x), tsdf.shape, strict=True):
        is_inside &= axis < length
    _, rows, columns = tsdf.shape
    flat = ((z * rows + y) * columns + x).where(is_inside, 0)
    values = tsdf.reshape(-1)[flat].where(is_inside, float('nan'))
    before, after = values[:, :-1], values[:, 1:]
    enters = (before > 0) & (after <= 0) & (after > -BAND_VOXELS)
    leaves = (before <= 0) & (before > -BAND_VOXELS) & (after > 0)
    crossing = enters | leaves
    first = crossing.float().argmax(dim=1, keepdim=True)
    is_hit = enters.gather(1, first).squeeze(1)
    is_back = leaves.gather(1, first).squeeze(1)
    depths = depth_m[:, 1:].gather(1, first).squeeze(1)[is_hit]
    median = float(depths.median()) if len(depths) else float('nan')
    return Preview(float(is_hit.float().mean()), median, float(is_back.float().mean()))
