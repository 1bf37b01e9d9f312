"""What a camera sees of a labelled voxel grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.transforms import inverse_rigid

NO_LABEL = 255
# About one ray per voxel at the far end of an indoor box, whatever the camera's resolution.
VIEW_WIDTH = 80


@dataclass(frozen=True, slots=True, eq=False)
class VoxelView:
    """
    The first matter along each ray.

    Attributes:
        image_labels: (h, w) uint8 label, 255 where the ray meets nothing in the box.
        depth_m: (h, w) float32 distance along the optical axis, 0 where it meets nothing.
        visible: bool in grid shape: voxels a ray passed through or ended in.
    """

    image_labels: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    visible: NDArray[np.bool_]


class VoxelRayCaster:
    """
    Casts one ray per pixel through a grid, with all cell indices computed beforehand.

    Marching in steps of half a voxel visits every cell that a ray crosses by more than a corner.
    Building the table costs tens of milliseconds, each view about one; cache the caster as long
    as calibration and placement stay.

    Args:
        grid: the box.
        T_camera_voxel: (4, 4) transform of the grid's frame into the optical frame.
        camera: camera to look through; choose a resized one, about one ray per voxel.
    """

    def __init__(
        self, grid: VoxelGrid, T_camera_voxel: ArrayLike, camera: PinholeCamera,
    ) -> None:
        self._grid = grid
        self._camera = camera
        self._depths_m = _depth_steps(grid, T_camera_voxel)
        self._cells = _cells_along_rays(grid, T_camera_voxel, camera, self._depths_m)

    def view(self, labels: NDArray[np.uint8], empty_id: int = 0) -> VoxelView:
        """Render labels (grid shape); 255 counts as empty."""
        if labels.shape != self._grid.shape:
            raise ValueError(f'labels are {labels.shape} but the grid is {self._grid.shape}')
        padded = np.append(labels.reshape(-1), np.uint8(empty_id))
        along_rays = padded[self._cells]  # (pixels, steps)
        is_matter = (along_rays != empty_id) & (along_rays != NO_LABEL)
        first = is_matter.argmax(axis=1)
        hits = is_matter[np.arange(len(first)), first]
        hit_labels = np.where(hits, along_rays[np.arange(len(first)), first], NO_LABEL)
        depth = np.where(hits, self._depths_m[first], 0.0)
        return VoxelView(
            hit_labels.astype(np.uint8).reshape(self._camera.size),
            depth.astype(np.float32).reshape(self._camera.size),
            self._visible(np.where(hits, first, len(self._depths_m) - 1)))

    def visible_up_to(self, depth_m: NDArray[np.float32]) -> NDArray[np.bool_]:
        """
        Return the voxels crossed by measured rays.

        Args:
            depth_m: (h, w) measured depth of the caster's camera, 0 = no measurement.
        """
        flat = depth_m.reshape(-1)
        last = np.searchsorted(self._depths_m, flat, side='right') - 1
        return self._visible(np.where(flat > 0, last, -1))

    def _visible(self, last_step: NDArray[np.intp]) -> NDArray[np.bool_]:
        passed = np.arange(self._cells.shape[1])[None] <= last_step[:, None]
        visible = np.zeros(self._grid.num_voxels + 1, np.bool_)
        visible[self._cells[passed]] = True
        return visible[:-1].reshape(self._grid.shape)


class SceneViewer:
    """Shows a voxel box as the camera sees it, at the camera's full image size."""

    def __init__(self, box: BoxPlacement, camera: PinholeCamera) -> None:
        self._full_size = camera.size
        width = min(VIEW_WIDTH, camera.width)
        self._camera = camera.resized(max(round(camera.height * width / camera.width), 1), width)
        self._caster = VoxelRayCaster(box.grid, box.T_camera_voxel, self._camera)

    def view(self, labels: NDArray[np.uint8]) -> VoxelView:
        """Render labels; the images have the camera's size, enlarged without interpolation."""
        small = self._caster.view(labels)
        return VoxelView(
            self._enlarged(small.image_labels), self._enlarged(small.depth_m), small.visible)

    def visible_up_to(self, depth_m: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the voxels crossed by the measured rays of a full-size depth image."""
        size = (self._camera.width, self._camera.height)
        small: NDArray[Any] = cv2.resize(depth_m, size, interpolation=cv2.INTER_NEAREST)
        return self._caster.visible_up_to(small)

    def _enlarged(self, image: NDArray[Any]) -> NDArray[Any]:
        height, width = self._full_size
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)


class SceneViewerCache:
    """Keeps the viewer of the latest box and camera; building one costs tens of milliseconds."""

    def __init__(self) -> None:
        self._key: tuple[bytes, VoxelGrid, PinholeCamera] | None = None
        self._viewer: SceneViewer | None = None

    def get(self, box: BoxPlacement, camera: PinholeCamera) -> SceneViewer:
        """Return the viewer of this box and camera."""
        key = (box.T_camera_voxel.tobytes(), box.grid, camera)
        if self._viewer is None or key != self._key:
            self._key, self._viewer = key, SceneViewer(box, camera)
        return self._viewer


def _depth_steps(grid: VoxelGrid, T_camera_voxel: ArrayLike) -> NDArray[np.float32]:
    corners = np.asarray(grid.origin_m) + np.asarray(grid.extent_m) * (
        np.indices((2, 2, 2)).reshape(3, -1).T)
    matrix = np.asarray(T_camera_voxel, np.float64)
    depths = corners @ matrix[2, :3] + matrix[2, 3]
    step = grid.voxel_size_m / 2
    nearest = max(float(depths.min()), step)
    farthest = max(float(depths.max()), nearest) + step
    return np.arange(nearest, farthest, step).astype(np.float32)


def _cells_along_rays(
    grid: VoxelGrid, T_camera_voxel: ArrayLike, camera: PinholeCamera,
    depths_m: NDArray[np.float32],
) -> NDArray[np.int32]:
    """Return (pixels, steps) linear cell indices; ``num_voxels`` where a ray is outside."""
    v, u = np.mgrid[:camera.height, :camera.width]
    rays_camera = np.stack([
        (u.ravel() - camera.cx) / camera.fx, (v.ravel() - camera.cy) / camera.fy,
        np.ones(u.size)], axis=1)
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    rays = (rays_camera @ T_voxel_camera[:3, :3].T / grid.voxel_size_m).astype(np.float32)
    start = ((T_voxel_camera[:3, 3] - grid.origin_m) / grid.voxel_size_m).astype(np.float32)
    linear = np.zeros((len(rays), len(depths_m)), np.int32)
    is_inside = np.ones(linear.shape, np.bool_)
    for length, axis in zip(grid.shape, grid.axes, strict=True):
        cell = np.floor(start[axis] + rays[:, axis, None] * depths_m).astype(np.int32)
        is_inside &= (cell >= 0) & (cell < length)
        linear = linear * length + cell
    linear[~is_inside] = grid.num_voxels
    return linear
