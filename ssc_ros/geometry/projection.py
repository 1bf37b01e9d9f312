"""Projection of voxel centres into images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid


@dataclass(frozen=True, slots=True)
class ProjectionTable:
    """
    Where each voxel centre of a grid falls in an image.

    Attributes:
        points_image: (N, 2) float64 exact pixel coordinates u, v; not finite where z = 0.
        in_view: (N,) bool: inside the image and in front of the camera.
        depth_m: (N,) float64 distance along the optical axis.
    """

    points_image: NDArray[np.float64]
    in_view: NDArray[np.bool_]
    depth_m: NDArray[np.float64]

    @property
    def pixels(self) -> NDArray[np.int64]:
        """Return (N, 2) u, v rounded half to even; only meaningful in view."""
        rounded = np.rint(self.points_image)
        # Not finite or beyond integers: such a pixel is never in view, any value will do.
        rounded[~(np.abs(rounded) < 2**31)] = -1
        return rounded.astype(np.int64)


def project_points(points_camera: ArrayLike, camera: PinholeCamera) -> ProjectionTable:
    """Project (N, 3) points of the optical frame, metres."""
    x, y, z = np.asarray(points_camera, np.float64).T
    return _project(x, y, z, camera)


def _project(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], camera: PinholeCamera,
) -> ProjectionTable:
    points_image = np.empty((len(z), 2))
    in_view = z > 0
    axes = ((x, camera.fx, camera.cx, camera.width), (y, camera.fy, camera.cy, camera.height))
    with np.errstate(divide='ignore', invalid='ignore'):
        for axis, (offset, focal_px, center_px, size) in enumerate(axes):
            exact = offset * focal_px / z + center_px
            nearest = np.rint(exact)
            in_view &= (nearest >= 0) & (nearest < size)
            points_image[:, axis] = exact
    return ProjectionTable(points_image, in_view, z)


def voxel_centers_camera(grid: VoxelGrid, T_camera_voxel: ArrayLike) -> NDArray[np.float64]:
    """
    Return the (3, N) voxel centres in the optical frame, metres, in C order of the array.

    The transform is linear in the indices, so one outer sum replaces N matrix products.
    """
    transform = np.asarray(T_camera_voxel, np.float64)
    corner = transform[:3, :3] @ np.asarray(grid.origin_m) + transform[:3, 3]
    first, second, third = (
        np.multiply.outer(transform[:3, axis], (np.arange(length) + 0.5) * grid.voxel_size_m)
        for length, axis in zip(grid.shape, grid.axes, strict=True))
    centers: NDArray[np.float64] = (
        (corner[:, None] + first)[:, :, None, None]
        + (second[:, :, None] + third[:, None, :])[:, None])
    return centers.reshape(3, -1)


def project_voxels(
    grid: VoxelGrid, T_camera_voxel: ArrayLike, camera: PinholeCamera,
) -> ProjectionTable:
    """
    Project the centres of a grid, in C order of its array (MonoScene, Sec. 3.1).

    >>> from ssc_ros.geometry.placement import nyu_placement
    >>> from ssc_ros.geometry.transforms import level_camera_pose
    >>> box = nyu_placement(level_camera_pose(height_m=1.4))
    >>> camera = PinholeCamera(518.9, 518.9, 319.5, 239.5, 480, 640)
    >>> project_voxels(box.grid, box.T_camera_voxel, camera).pixels.shape
    (129600, 2)
    """
    x, y, z = voxel_centers_camera(grid, T_camera_voxel)
    return _project(x, y, z, camera)


def unproject_depth(
    depth_m: NDArray[np.float32], camera: PinholeCamera,
) -> NDArray[np.float32]:
    """
    Turn a (H, W) depth image (0 or not finite = missing) into (H, W, 3) optical-frame points.

    Missing pixels become NaN points, so that the result stays aligned with the image.

    Raises:
        ValueError: the depth image has another size than the camera.
    """
    if depth_m.shape != camera.size:
        raise ValueError(f'depth is {depth_m.shape} but the camera is {camera.size}: '
                         'rescale the camera with resized() first')
    v, u = np.mgrid[:camera.height, :camera.width].astype(np.float32)
    z = np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, np.float32(np.nan))
    x = (u - np.float32(camera.cx)) / np.float32(camera.fx) * z
    y = (v - np.float32(camera.cy)) / np.float32(camera.fy) * z
    return np.stack([x, y, z], axis=-1).astype(np.float32)
