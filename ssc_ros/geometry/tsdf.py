"""Truncated signed distance volumes from one depth image (Song et al., SSCNet, CVPR 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid

SIGN_TOLERANCE_M = 1e-4
FLIPPED_MINIMUM = 0.001


@dataclass(frozen=True, slots=True)
class TsdfSettings:
    """
    Which distance is stored, and where; the defaults are those of 3D-Sketch and AMMNet.

    Attributes:
        kind: ``accurate``: distance to the nearest surface voxel in any direction, the sign along
            the viewing ray; ``projective``: both along the viewing ray.
        flipped: store sign * (1 - distance), steep at the surface (SSCNet), at least 0.001.
        unobserved: plain value of voxels that no valid pixel sees: 0 in the released TSDF of
            3D-Sketch, 1 in SSCNet.
        truncation_voxels: distance, in fine voxels, from which on the magnitude is 1.
        min_depth_m, max_depth_m: measurements outside do not observe voxels.
    """

    kind: Literal['accurate', 'projective'] = 'accurate'
    flipped: bool = False
    unobserved: float = 0.0
    truncation_voxels: int = 12
    min_depth_m: float = 0.5
    max_depth_m: float = 8.0


DEFAULT_TSDF = TsdfSettings()
SSCNET_TSDF = TsdfSettings(flipped=True, unobserved=1.0)


@dataclass(frozen=True, slots=True, eq=False)
class TsdfVolume:
    """
    A truncated signed distance per voxel and the pixel that sees it.

    Attributes:
        values: (X, Y, Z) float32 in [-1, 1], grid axis order: positive between camera and
            surface, negative behind the surface, 0 on it and where nothing was measured.
        pixel_of_voxel: (X * Y * Z,) int64 row * width + column of the last pixel, in reading
            order, whose point lies in the voxel; height * width = none.
    """

    values: Any
    pixel_of_voxel: Any


def compute_tsdf(
    depth_m: Any, camera: PinholeCamera, grid: VoxelGrid, T_camera_voxel: ArrayLike, *,
    subdivision: int = 4, settings: TsdfSettings = DEFAULT_TSDF,
) -> TsdfVolume:
    """
    Compute the TSDF of one depth image.

    Distances are measured on a grid ``subdivision`` times as fine and averaged. As in the data
    sets, a voxel's place is its minimum corner.

    Args:
        depth_m: (H, W) floating NumPy array or torch tensor; 0 or not finite = missing.
        camera: intrinsics of the depth image.
        grid: the grid of the result; coarser than the distances by ``subdivision``.
        T_camera_voxel: (4, 4) transform of the grid's frame into the optical frame.
        subdivision: fine voxels per edge of a voxel; 1 = the result is the fine grid.
        settings: kind of distance.

    Returns:
        NumPy arrays, or tensors on the device of ``depth_m``.

    Raises:
        ConfigurationError: the depth image has another size than the camera.
    """
    if tuple(depth_m.shape) != camera.size:
        raise ConfigurationError(
            f'depth is {tuple(depth_m.shape)} but the camera is {camera.size}: '
            'rescale the camera with resized() first')
    depth = np.asarray(depth_m.cpu() if hasattr(depth_m, 'cpu') else depth_m, np.float64)
    depth = np.where(np.isfinite(depth), depth, 0.0)
    transform = np.asarray(T_camera_voxel, np.float64)
    fine = _subdivided(grid, subdivision)
    cells, pixels = _cells_of_pixels(depth, camera, fine, transform)
    surface = np.zeros(fine.num_voxels, np.bool_)
    surface[cells] = True
    surface = surface.reshape(fine.shape)
    values = _signs(depth, camera, fine, transform, settings)
    values *= _magnitudes(surface, settings.truncation_voxels)
    values = values.reshape(
        grid.shape[0], subdivision, grid.shape[1], subdivision, grid.shape[2], subdivision)
    pixel_of_voxel = np.full(grid.num_voxels, depth.size, np.int64)
    coarse = np.ravel_multi_index(
        tuple(i // subdivision for i in np.unravel_index(cells, fine.shape)), grid.shape)
    pixel_of_voxel[coarse] = pixels  # the last writer wins: pixels ascend
    values = values.mean(axis=(1, 3, 5), dtype=np.float32)
    if hasattr(depth_m, 'cpu'):
        import torch
        return TsdfVolume(torch.from_numpy(values).to(depth_m.device),
                          torch.from_numpy(pixel_of_voxel).to(depth_m.device))
    return TsdfVolume(values, pixel_of_voxel)


def _subdivided(grid: VoxelGrid, factor: int) -> VoxelGrid:
    x, y, z = (length * factor for length in grid.shape)
    return VoxelGrid(grid.origin_m, grid.voxel_size_m / factor, (x, y, z), grid.axis_order)


def _cells_of_pixels(
    depth: NDArray[np.float64], camera: PinholeCamera, grid: VoxelGrid, T_camera_voxel: Any,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the flat cell and the flat pixel of every measured point inside the grid."""
    v, u = np.mgrid[:camera.height, :camera.width]
    points = np.stack([
        (u - camera.cx) * depth / camera.fx, (v - camera.cy) * depth / camera.fy, depth], axis=-1)
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    points = points.reshape(-1, 3) @ T_voxel_camera[:3, :3].T + T_voxel_camera[:3, 3]
    indices, is_inside = grid.point_to_index(points)
    pixels = np.flatnonzero(is_inside & (depth.reshape(-1) > 0))
    return np.ravel_multi_index(tuple(indices[pixels].T), grid.shape), pixels


def _signs(depth: Any, camera: PinholeCamera, grid: VoxelGrid, T: Any, settings: Any) -> Any:
    corner = T[:3, :3] @ np.asarray(grid.origin_m) + T[:3, 3]
    first, second, third = (
        np.multiply.outer(T[:3, axis], np.arange(length) * grid.voxel_size_m)
        for length, axis in zip(grid.shape, grid.axes, strict=True))
    result = np.zeros(grid.shape, np.float32)
    for i in range(grid.shape[0]):
        x, y, z = (corner + first[:, i])[:, None, None] + (second[:, :, None] + third[:, None, :])
        with np.errstate(divide='ignore', invalid='ignore'):
            column = np.floor(x * camera.fx / z + camera.cx + 0.5)
            row = np.floor(y * camera.fy / z + camera.cy + 0.5)
        in_view = ((z > 0) & (column >= 0) & (column < camera.width)
                   & (row >= 0) & (row < camera.height))
        pixel = np.where(in_view, row * camera.width + column, 0).astype(np.int64)
        measured = depth.reshape(-1)[pixel]
        in_view &= (measured >= settings.min_depth_m) & (measured <= settings.max_depth_m)
        result[i] = np.where(in_view, np.where(measured - z > -SIGN_TOLERANCE_M, 1, -1), 0)
    return result


def _magnitudes(surface: Any, truncation: int) -> Any:
    limit = truncation * truncation
    squared = np.where(surface, 0, limit).astype(np.int32)
    for axis in range(3):
        lines = np.moveaxis(squared, axis, 0)
        result = lines.copy()
        for step in range(1, truncation):
            np.minimum(result[step:], lines[:-step] + step * step, out=result[step:])
            np.minimum(result[:-step], lines[step:] + step * step, out=result[:-step])
        squared = np.moveaxis(result, 0, axis)
    return np.sqrt(squared, dtype=np.float32) / np.float32(truncation)
