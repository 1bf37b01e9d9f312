"""The pose of a camera from what its depth image shows: gravity from planes, then the floor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.projection import unproject_depth
from ssc_ros.geometry.transforms import level_camera_pose

PIXEL_STEP = 4
NORMAL_REACH = 2  # in steps: differences over 16 pixels average the noise of depth sensors
MAX_RELATIVE_JUMP = 0.3  # of depth over the reach of a normal; more is an edge, even on a floor
MIN_NORMALS = 200
FLOOR_PERCENTILE = 2.0
# Gupta, Arbelaez, Malik, "Perceptual Organization and Recognition of Indoor Scenes", CVPR 2013.
THRESHOLDS_DEG = (45.0,) * 5 + (15.0,) * 5


class DepthView(NamedTuple):
    """A (H, W) float32 depth image in metres, 0 = missing, and its rectified camera."""

    depth_m: NDArray[np.float32]
    camera: PinholeCamera


def level_pose_from_depth(view: DepthView) -> NDArray[np.float64]:
    """
    Return T_level_camera of a camera in a room: level frame x right, y forward, z up, floor z = 0.

    Gravity is the direction that most surfaces are parallel or perpendicular to; the floor lies
    where only 2 % of the points are lower. For cameras tilted by less than 45 degrees that see
    some floor; a table top that hides the floor is taken for it.

    Raises:
        DataError: too little of the image has depth, or it is of another size than the camera.
    """
    points, normals = _points_and_normals(view)
    gravity = _refined_gravity(normals)
    height_m = float(np.percentile(points @ gravity, 100 - FLOOR_PERCENTILE))
    x, y, z = gravity
    return level_camera_pose(
        height_m=height_m, pitch_rad=float(np.arcsin(np.clip(z, -1.0, 1.0))),
        roll_rad=float(np.arctan2(x, y)))


def _points_and_normals(
    view: DepthView,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (N, 3) points and (M, 3) unit normals of surfaces, in the optical frame."""
    depth_m, camera = view
    if depth_m.shape != camera.size:
        raise DataError(f'depth image is {depth_m.shape}, its camera {camera.size}: depth must be '
                        'registered to colour (same size and frame)')
    coarse = np.ascontiguousarray(depth_m[::PIXEL_STEP, ::PIXEL_STEP])
    height, width = coarse.shape
    sampled = PinholeCamera(
        camera.fx / PIXEL_STEP, camera.fy / PIXEL_STEP, camera.cx / PIXEL_STEP,
        camera.cy / PIXEL_STEP, height, width)
    points = unproject_depth(coarse, sampled).astype(np.float64)
    reach = NORMAL_REACH
    across = points[reach:-reach, 2 * reach:] - points[reach:-reach, :-2 * reach]
    down = points[2 * reach:, reach:-reach] - points[:-2 * reach, reach:-reach]
    normals = np.cross(across, down).reshape(-1, 3)
    depth = points[reach:-reach, reach:-reach, 2]
    jump = np.maximum(np.abs(across[..., 2]), np.abs(down[..., 2])) / depth
    is_smooth = (jump < MAX_RELATIVE_JUMP).reshape(-1)  # also False for NaN
    normals = normals[is_smooth & np.isfinite(normals).all(axis=1)]
    if len(normals) < MIN_NORMALS:
        raise DataError(
            f'only {len(normals)} places of the depth image show a surface: too few to tell which '
            'way is down; set pose.source to parameters, odometry or tf')
    points = points.reshape(-1, 3)
    return (points[np.isfinite(points).all(axis=1)],
            normals / np.linalg.norm(normals, axis=1, keepdims=True))


def _refined_gravity(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit vector along gravity, starting from the y axis of the image."""
    gravity = np.array([0.0, 1.0, 0.0])
    for threshold_deg in THRESHOLDS_DEG:
        cosine = np.abs(normals @ gravity)
        parallel = normals[cosine > np.cos(np.radians(threshold_deg))]
        perpendicular = normals[cosine < np.sin(np.radians(threshold_deg))]
        scatter = perpendicular.T @ perpendicular - parallel.T @ parallel
        direction = np.linalg.eigh(scatter)[1][:, 0]
        gravity = direction if direction @ gravity > 0 else -direction
    return gravity
