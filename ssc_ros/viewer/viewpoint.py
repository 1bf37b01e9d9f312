"""Where a picture is taken from, and what is cut away so that the inside of a room is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.voxel_faces import to_xyz
from ssc_ros.labels import LabelSpace

CEILING_NAMES = frozenset({'ceiling'})
WALL_NAMES = frozenset({'wall', 'window', 'door', 'curtain', 'blinds', 'picture'})
# A wall counts as near when the room lies behind it; walls seen edge-on stay.
_NEAR_WALL_COSINE = 0.15
_INTERIOR_RADIUS_M = 0.6

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Viewpoint:
    """
    A perspective view onto the scene, in the frame of the voxel grid.

    Attributes:
        eye: (3,) position, metres.
        axes: (3, 3) rows right, down, forward: the optical axes of the picture.
        tan_half_width: tangent of half the horizontal field of view.
    """

    eye: Vector
    axes: NDArray[np.float64]
    tan_half_width: float

    def rays(self, height: int, width: int) -> NDArray[np.float32]:
        """Return (H * W, 3) ray directions through the pixel centres, row by row."""
        pixel = 2 * self.tan_half_width / width
        x = (np.arange(width) + 0.5 - width / 2) * pixel
        y = (np.arange(height) + 0.5 - height / 2) * pixel
        right, down, forward = self.axes
        directions = forward + y[:, None, None] * down + x[None, :, None] * right
        rays: NDArray[np.float32] = directions.reshape(-1, 3).astype(np.float32)
        return rays


@dataclass(frozen=True, slots=True, eq=False)
class Heading:
    """Unit vectors of the camera that saw the scene, in the grid's frame."""

    up: Vector
    forward: Vector

    @property
    def right(self) -> Vector:
        """Horizontal, to the right of the camera."""
        return np.cross(self.forward, self.up)


def camera_heading(estimate: SceneEstimate) -> Heading:
    """Return where up is (the grid axis nearest to it) and where the camera looks, level."""
    rotation = estimate.T_camera_voxel[:3, :3].T
    upwards = rotation @ [0.0, -1.0, 0.0]
    axis = int(np.argmax(np.abs(upwards)))
    up = np.eye(3)[axis] * np.sign(upwards[axis])
    forward = rotation @ [0.0, 0.0, 1.0]
    forward = forward - up * (forward @ up)
    return Heading(up, forward / max(float(np.linalg.norm(forward)), 1e-9))


def overview(
    grid: VoxelGrid, heading: Heading, is_shown: NDArray[np.bool_], *,
    aspect: float, azimuth_deg: float = 24.0, elevation_deg: float = 38.0,
    field_of_view_deg: float = 32.0,
) -> Viewpoint:
    """
    Look over the camera's shoulder into the scene so that all shown voxels fit the picture.

    Args:
        is_shown: what must fit, array of the grid's shape; the whole box when empty.
        aspect: width / height of the picture.
        azimuth_deg: how far the view moves to the right of the camera's heading.
        elevation_deg: angle above the horizon.
    """
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    level = np.cos(azimuth) * heading.forward - np.sin(azimuth) * heading.right
    forward = np.cos(elevation) * level - np.sin(elevation) * heading.up
    right = np.cross(level, heading.up)
    axes = np.stack([right, np.cross(forward, right), forward])
    tangent = float(np.tan(np.radians(field_of_view_deg) / 2))
    seen = _bounding_corners(grid, is_shown) @ axes.T
    eye = _fitting_eye(seen, np.array([tangent, tangent / aspect]) * 0.97)
    return Viewpoint(axes.T @ eye, axes, tangent)


def _fitting_eye(points: Vector, tangents: Vector) -> Vector:
    """Place the eye, in picture axes, so that (N, 3) points fill the frame without leaving it."""
    eye = np.zeros(3)
    lows, highs = [], []
    for axis in range(2):
        # Each point bounds the frustum's two sides; the sides meet where the eye may stand.
        lows.append(float(np.min(points[:, axis] + points[:, 2] * tangents[axis])))
        highs.append(float(np.max(points[:, axis] - points[:, 2] * tangents[axis])))
    distances = [(high - low) / (2 * tangent)
                 for low, high, tangent in zip(lows, highs, tangents, strict=True)]
    # Sides: low = x + z t and high = x - z t at the eye (x, z).
    eye[2] = min(-distance for distance in distances)
    for axis in range(2):
        eye[axis] = (lows[axis] + highs[axis]) / 2
    return eye


def _bounding_corners(grid: VoxelGrid, is_shown: NDArray[np.bool_]) -> Vector:
    cells = np.argwhere(to_xyz(is_shown, grid))
    low, high = np.zeros(3), np.array(grid.extent_m) / grid.voxel_size_m
    if len(cells):
        low, high = cells.min(axis=0), cells.max(axis=0) + 1
    corners = np.indices((2, 2, 2)).reshape(3, -1).T
    points: Vector = (low + corners * (high - low)) * grid.voxel_size_m + np.array(grid.origin_m)
    return points


def cut_away(
    labels: NDArray[np.uint8], grid: VoxelGrid, space: LabelSpace, heading: Heading,
    view_forward: Vector,
) -> NDArray[np.bool_]:
    """
    Return where voxels hide the inside of a room: the ceiling and the walls before the room.

    A wall is near when, seen from above, the floor lies behind it along the view. Label spaces
    without such classes (streets) lose nothing.
    """
    volume = to_xyz(labels, grid)
    up_axis = int(np.argmax(np.abs(heading.up)))
    is_cut = np.isin(volume, _ids(space, CEILING_NAMES))
    is_wall = np.isin(volume, _ids(space, WALL_NAMES))
    if is_wall.any():
        is_near = _towards_interior(volume, space, up_axis, grid, view_forward) > _NEAR_WALL_COSINE
        is_cut |= is_wall & np.expand_dims(is_near, up_axis)
    return is_cut.transpose(np.argsort([grid.axes.index(axis) for axis in range(3)]))


def _towards_interior(
    volume: NDArray[np.uint8], space: LabelSpace, up_axis: int, grid: VoxelGrid,
    view_forward: Vector,
) -> NDArray[np.float64]:
    """Return per column the cosine between the way into the room and the view direction."""
    radius = max(1, round(_INTERIOR_RADIUS_M / grid.voxel_size_m))
    is_floor = np.isin(volume, _ids(space, {'floor'}))
    inside: NDArray[np.float64] = np.asarray(is_floor.any(axis=up_axis), np.float64)
    for axis in (0, 1, 0, 1):
        inside = _box_blur(inside, radius, axis)
    level_axes = [axis for axis in range(3) if axis != up_axis]
    slopes = np.stack([np.gradient(inside, axis=axis) for axis in range(2)])
    length = np.maximum(np.linalg.norm(slopes, axis=0), 1e-9)
    forward = view_forward[level_axes] / np.linalg.norm(view_forward[level_axes])
    cosines: NDArray[np.float64] = np.tensordot(forward, slopes / length, 1)
    return cosines


def _box_blur(values: NDArray[np.float64], radius: int, axis: int) -> NDArray[np.float64]:
    padding = [(0, 0)] * values.ndim
    padding[axis] = (radius + 1, radius)
    total = np.pad(values, padding).cumsum(axis)
    length = values.shape[axis]
    high = np.take(total, np.arange(length) + 2 * radius + 1, axis)
    means: NDArray[np.float64] = (high - np.take(total, np.arange(length), axis)) / (
        2 * radius + 1)
    return means


def _ids(space: LabelSpace, names: frozenset[str] | set[str]) -> list[int]:
    return [index for index, name in enumerate(space.names) if name in names]
