"""Which voxels a pixel of a depth image shows, and which pixels the network works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.geometry.tsdf_view import measured_cells
from ssc_ros.models.imenet.config import MARCH_STEP_M

NO_VOXEL = -1
_SUBDIVISION = 4


def voxel_of_pixel(
    depth_m: NDArray[np.float32], camera: PinholeCamera, placement: BoxPlacement,
) -> NDArray[np.int32]:
    """
    Return the (H, W) flat voxel in which each measured point lies, -1 = none.

    Points are sorted into the cells of ``compute_tsdf``, so that the last pixel of each voxel is
    the one that it returns.

    Args:
        depth_m: (H, W) metres; 0 or not finite = missing.
    """
    fine = subdivided(placement.grid, _SUBDIVISION)
    with np.errstate(invalid='ignore'):  # of missing depth, which may be NaN or infinite
        cells, pixels = measured_cells(depth_m, camera, fine, placement.T_camera_voxel)
    result = np.full(depth_m.size, NO_VOXEL, np.int32)
    result[pixels] = np.ravel_multi_index(
        tuple(cell // _SUBDIVISION for cell in cells), placement.grid.shape)
    return result.reshape(depth_m.shape)


def working_pixels(
    image_size: tuple[int, int], work_size: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """
    Return the row of each working row and the column of each working column in the whole image.

    >>> working_pixels((4, 8), (2, 2))[1].tolist()
    [2, 6]
    """
    (height, width), (h, w) = image_size, work_size
    return (2 * np.arange(h) + 1) * height // (2 * h), (2 * np.arange(w) + 1) * width // (2 * w)


def ray_voxels(
    depth_m: NDArray[np.float32], camera: PinholeCamera, placement: BoxPlacement, *,
    work_size: tuple[int, int], steps: int,
) -> NDArray[np.int32]:
    """
    Return (steps, h, w) flat voxels around the points of a working image, along their rays.

    First that of the point, then those half a voxel behind and before it, and so on; -1 outside
    the box and where depth is missing.

    Args:
        depth_m: (H, W) metres of the whole image; 0 or not finite = missing.
        steps: odd.
    """
    rows, columns = working_pixels(camera.size, work_size)
    x, y = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    rays = np.stack([*np.broadcast_arrays(x, y[:, None]), np.ones(work_size)], axis=-1)
    depth = depth_m[np.ix_(rows, columns)].astype(np.float64)
    is_known = np.isfinite(depth) & (depth > 0)
    grid, T_voxel_camera = placement.grid, inverse_rigid(placement.T_camera_voxel)
    directions = rays @ T_voxel_camera[:3, :3].T
    points = np.where(is_known, depth, 0)[..., None] * directions + T_voxel_camera[:3, 3]
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    result = np.full((steps, *work_size), NO_VOXEL, np.int32)
    for step in range(steps):
        offset_m = MARCH_STEP_M * ((step + 1) // 2) * (1 if step % 2 else -1)
        cells, is_inside = grid.point_to_index((points + offset_m * directions).reshape(-1, 3))
        is_voxel = is_inside & is_known.reshape(-1)
        result[step].reshape(-1)[is_voxel] = np.ravel_multi_index(cells[is_voxel].T, grid.shape)
    return result
