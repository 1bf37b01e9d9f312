"""Which voxel the measured point of each pixel lies in, and which its ray crosses near it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.geometry.tsdf_view import measured_cells

NO_VOXEL = -1


def voxels_of_pixels(
    depth_m: NDArray[np.floating], camera: PinholeCamera, grid: VoxelGrid,
    T_camera_voxel: ArrayLike, *, subdivision: int = 4,
) -> NDArray[np.int32]:
    """
    Return the (H, W) flat voxel, in C order, in which each measured point lies; -1 = none.

    Points are sorted into cells ``subdivision`` times as fine, as ``compute_tsdf`` does, so that
    the last pixel of each voxel is the one it returns.

    Args:
        depth_m: (H, W) metres; 0 or not finite = missing.

    Raises:
        ConfigurationError: the depth is of another size than the camera.
    """
    if depth_m.shape != camera.size:
        raise ConfigurationError(
            f'depth is {depth_m.shape} but the camera is {camera.size}: '
            'rescale the camera with resized() first')
    with np.errstate(invalid='ignore'):  # of missing depth, which may be NaN or infinite
        cells, pixels = measured_cells(
            depth_m, camera, subdivided(grid, subdivision), np.asarray(T_camera_voxel, np.float64))
    result = np.full(depth_m.size, NO_VOXEL, np.int32)
    result[pixels] = np.ravel_multi_index(
        tuple(cell // subdivision for cell in cells), grid.shape)
    return result.reshape(depth_m.shape)


def sampled_pixels(
    image_size: tuple[int, int], size: tuple[int, int],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """
    Return the rows and columns of an image that a smaller one of ``size`` stands for.

    >>> [axis.tolist() for axis in sampled_pixels((5, 4), (2, 2))]
    [[1, 3], [1, 3]]
    """
    rows, columns = (
        ((np.arange(short) + 0.5) * length / short).astype(np.intp)
        for length, short in zip(image_size, size, strict=True))
    return rows, columns


def search_offsets_m(reach_m: float, step_m: float) -> tuple[float, ...]:
    """
    Return 0 and the offsets to search along a ray: the nearer first, of equals the farther one.

    >>> search_offsets_m(0.16, 0.08)
    (0.0, 0.08, -0.08, 0.16, -0.16)
    """
    count = round(reach_m / step_m)
    return (0.0, *(sign * step * step_m for step in range(1, count + 1) for sign in (1, -1)))


def voxels_along_rays(
    depth_m: NDArray[np.floating], voxel_of_pixel: NDArray[np.int32], camera: PinholeCamera,
    grid: VoxelGrid, T_camera_voxel: ArrayLike, *, size: tuple[int, int],
    offsets_m: Sequence[float],
) -> NDArray[np.int32]:
    """
    Return the voxels on the viewing ray around each measured point, (steps, h, w), -1 = outside.

    Args:
        depth_m: (H, W) metres along the optical axis.
        voxel_of_pixel: (H, W) as ``voxels_of_pixels`` returns; pixels without a voxel get none.
        size: (h, w) of the smaller image whose ``sampled_pixels`` are asked for.
        offsets_m: distances along the ray, away from the camera; 0 is the voxel of the point.
    """
    rows, columns = sampled_pixels(camera.size, size)
    own, depth = (image[np.ix_(rows, columns)] for image in (voxel_of_pixel, depth_m))
    result = np.full((len(offsets_m), own.size), NO_VOXEL, np.int32)
    has_voxel = np.flatnonzero(own != NO_VOXEL)
    row, column = rows[has_voxel // size[1]], columns[has_voxel % size[1]]
    rays = np.stack([(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy,
                     np.ones(len(row))], axis=1)
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    points = rays * depth.reshape(-1)[has_voxel, None].astype(np.float64)
    points = points @ T_voxel_camera[:3, :3].T + T_voxel_camera[:3, 3]
    directions = rays / np.linalg.norm(rays, axis=1, keepdims=True) @ T_voxel_camera[:3, :3].T
    for step, offset_m in enumerate(offsets_m):
        if offset_m == 0:
            result[step] = own.reshape(-1)
        else:
            result[step, has_voxel] = _flat_voxels(points + offset_m * directions, grid)
    return result.reshape(len(offsets_m), *size)


def _flat_voxels(points: NDArray[np.float64], grid: VoxelGrid) -> NDArray[np.int64]:
    cells, is_inside = grid.point_to_index(points)
    flat = np.full(len(points), NO_VOXEL, np.int64)
    flat[is_inside] = np.ravel_multi_index(tuple(cells[is_inside].T), grid.shape)
    return flat
