"""The TSDF on a GPU: every cell at once, the same values as on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.geometry.tsdf_array import array_tsdf, subdivided
from ssc_ros.geometry.tsdf_distance import (
    NEARNESS_FAR,
    NEARNESS_ON_SURFACE,
    REACH,
    TRUNCATION_VOXELS,
)
from ssc_ros.geometry.tsdf_settings import (
    BEHIND_EVERYTHING_M,
    FLIPPED_MINIMUM,
    SIGN_TOLERANCE_M,
    TsdfSettings,
)
from ssc_ros.geometry.tsdf_view import TILE_PIXELS, CellProjection, cell_projection, padded_size


def any_tensor_tsdf(
    depth_m: Tensor, camera: PinholeCamera, grid: VoxelGrid,
    T_camera_voxel: NDArray[np.float64], *, subdivision: int, settings: TsdfSettings,
) -> tuple[Tensor, Tensor]:
    """Return tensors on the device of the depth; on the CPU, computed as arrays."""
    if depth_m.device.type != 'cpu':
        return tensor_tsdf(depth_m, camera, grid, T_camera_voxel,
                           subdivision=subdivision, settings=settings)
    depth = depth_m.detach().to(torch.promote_types(depth_m.dtype, torch.float32))
    values, pixels = array_tsdf(depth.numpy(), camera, grid, T_camera_voxel,
                                subdivision=subdivision, settings=settings)
    return torch.from_numpy(values), torch.from_numpy(pixels)


def tensor_tsdf(
    depth_m: Tensor, camera: PinholeCamera, grid: VoxelGrid,
    T_camera_voxel: NDArray[np.float64], *, subdivision: int, settings: TsdfSettings,
) -> tuple[Tensor, Tensor]:
    """Return values and pixel_of_voxel as ``compute_tsdf`` does, without waiting for a GPU."""
    fine = subdivided(grid, subdivision)
    depth = depth_m.double()
    cells, is_inside = _measured_cells(depth, camera, fine, T_camera_voxel)
    z, seen, u, v = _seen_from_cells(
        _observing(depth, settings), camera, fine, cell_projection(camera, fine, T_camera_voxel))
    if settings.kind == 'accurate':
        place = ((seen > z).long() - (seen <= z).long() + 1) * 256
        place += _nearness(_marked(_flat(cells, is_inside, fine.shape), fine.shape))
        values = torch.from_numpy(settings.value_table()).to(depth.device).take(place)
    else:
        along_ray = (1 + u.square_() + v.square_()).sqrt_()
        plain = (seen - z) * along_ray / (TRUNCATION_VOXELS * fine.voxel_size_m)
        values = _stored(plain.clamp(-1, 1).nan_to_num(settings.unobserved), settings).float()
    coarse = [cell // subdivision for cell in cells]
    return (_averages(values, grid.shape, subdivision),
            _last_pixels(_flat(coarse, is_inside, grid.shape), grid.num_voxels))


def _observing(depth: Tensor, settings: TsdfSettings) -> Tensor:
    if settings.kind == 'accurate':
        is_open = (depth >= settings.min_depth_m) & (depth <= settings.max_depth_m)
        return torch.where(is_open, depth + SIGN_TOLERANCE_M, torch.nan)
    return torch.where(depth.isfinite() & (depth > 0), depth, BEHIND_EVERYTHING_M)


def _stored(plain: Tensor, settings: TsdfSettings) -> Tensor:
    if not settings.flipped:
        return plain
    magnitude = (1 - plain.abs()).clamp(min=FLIPPED_MINIMUM)
    return torch.where(plain <= -FLIPPED_MINIMUM, -magnitude, magnitude)


def _measured_cells(
    depth: Tensor, camera: PinholeCamera, grid: VoxelGrid, T_camera_voxel: NDArray[np.float64],
) -> tuple[list[Tensor], Tensor]:
    """Return the three cell indices of every pixel, (H, W) int64, and which mean something."""
    column, row = (
        (torch.arange(length, device=depth.device, dtype=torch.float64) - center) / focal
        for length, center, focal in (
            (camera.width, camera.cx, camera.fx), (camera.height, camera.cy, camera.fy)))
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    is_inside = depth > 0
    cells = []
    for axis, length in zip(grid.axes, grid.shape, strict=True):
        across, down, ahead = (T_voxel_camera[axis, :3] / grid.voxel_size_m).tolist()
        start = float((T_voxel_camera[axis, 3] - grid.origin_m[axis]) / grid.voxel_size_m)
        coordinate = ((down * row + ahead)[:, None] + across * column) * depth + start
        is_inside = is_inside & (coordinate >= 0) & (coordinate < length)
        cells.append(coordinate.nan_to_num(0.0, 0.0, 0.0).clamp(0, length - 1).long())
    return cells, is_inside


def _flat(cells: list[Tensor], is_inside: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return flat cells, one beyond the last for pixels outside."""
    x, y, z = cells
    flat = (x * shape[1] + y) * shape[2] + z
    return torch.where(is_inside, flat, int(np.prod(shape))).reshape(-1)


def _marked(cells: Tensor, shape: tuple[int, int, int]) -> Tensor:
    nearness = torch.full(
        (int(np.prod(shape)) + 1,), NEARNESS_FAR, dtype=torch.uint8, device=cells.device)
    return nearness.index_fill_(0, cells, NEARNESS_ON_SURFACE)[:-1].reshape(shape)


def _last_pixels(cells: Tensor, num_voxels: int) -> Tensor:
    """Return the last pixel that falls into each voxel."""
    pixels = torch.arange(len(cells), device=cells.device)
    result = torch.full((num_voxels + 1,), -1, dtype=torch.int64, device=cells.device)
    result = result.scatter_reduce_(0, cells, pixels, 'amax')[:-1]
    return torch.where(result < 0, len(cells), result)


def _nearness(nearness: Tensor) -> Tensor:
    """Spread nearness from the surface, one axis after the other (see ``tsdf_distance``)."""
    for axis in range(3):
        length = nearness.shape[axis]
        margins = [0] * 6
        margins[4 - 2 * axis] = margins[5 - 2 * axis] = REACH
        source = pad(nearness, margins, value=NEARNESS_FAR)
        for step in range(1, REACH + 1):
            candidate = torch.maximum(
                source.narrow(axis, REACH - step, length),
                source.narrow(axis, REACH + step, length))
            if step * step > NEARNESS_FAR:  # would wrap around
                candidate = candidate.clamp(min=NEARNESS_FAR + step * step)
            nearness = torch.maximum(nearness, candidate - step * step)
    return nearness


def _seen_from_cells(
    depth: Tensor, camera: PinholeCamera, grid: VoxelGrid, projection: CellProjection,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return for each cell z, the depth of its pixel and, in view, x / z and y / z."""
    height, width = padded_size(camera)
    bottom, right = (
        padded - length - TILE_PIXELS
        for padded, length in zip((height, width), camera.size, strict=True))
    padded = pad(depth, [TILE_PIXELS, right, TILE_PIXELS, bottom], value=torch.nan)
    x, y, z = (torch.arange(length, device=depth.device, dtype=torch.float64)
               for length in grid.shape)
    u, v, w = (
        (start + step_x * x)[:, None, None] + ((step_y * y)[:, None] + step_z * z)
        for start, (step_x, step_y, step_z) in zip(
            projection.origin.tolist(), projection.steps.T.tolist(), strict=True))
    in_front = w.clamp(min=1e-9)
    u = (u / in_front).clamp_(0, width - 1)
    v = (v / in_front).clamp_(0, height - 1)
    seen = padded.take(v.long() * width + u.long())
    center_u, center_v = projection.center
    return w, seen, u.sub_(center_u).div_(camera.fx), v.sub_(center_v).div_(camera.fy)


def _averages(values: Tensor, shape: tuple[int, int, int], subdivision: int) -> Tensor:
    if subdivision == 1:
        return values
    x, y, z = shape
    blocks = values.reshape(x, subdivision, y, subdivision, z, subdivision)
    return blocks.sum((1, 3, 5), dtype=torch.float64).div_(subdivision ** 3).float()
