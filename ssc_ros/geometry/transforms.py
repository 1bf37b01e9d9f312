"""
Rigid transforms as 4x4 matrices.

``T_a_b`` maps points of frame b into frame a: ``p_a = T_a_b @ p_b``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from transforms3d.quaternions import mat2quat, quat2mat

from ssc_ros.errors import DataError

Matrix = NDArray[np.float64]

# Rows: level frame (x right, y forward, z up) axes seen from a level camera's optical frame.
OPTICAL_TO_LEVEL: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def make_rigid(rotation: ArrayLike, translation: ArrayLike) -> Matrix:
    """Return the (4, 4) transform of a (3, 3) rotation and a (3,) translation in metres."""
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = translation
    return transform


def inverse_rigid(transform: ArrayLike) -> Matrix:
    """
    Invert a rigid (4, 4) transform without a general matrix inversion.

    >>> inverse_rigid(make_rigid(np.eye(3), [1, 2, 3]))[:3, 3].tolist()
    [-1.0, -2.0, -3.0]
    """
    matrix = np.asarray(transform, np.float64)
    rotation = matrix[:3, :3].T
    return make_rigid(rotation, -rotation @ matrix[:3, 3])


def transform_points(transform: ArrayLike, points: ArrayLike) -> Matrix:
    """Map (N, 3) points by a (4, 4) transform."""
    matrix = np.asarray(transform, np.float64)
    result: Matrix = np.asarray(points, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def quaternion_to_rotation(x: float, y: float, z: float, w: float) -> Matrix:
    """
    Return the (3, 3) rotation of a quaternion in ROS order (x, y, z, w).

    Raises:
        DataError: the quaternion is zero or not finite, as in an unset message.
    """
    quaternion = np.array([w, x, y, z], np.float64)
    with np.errstate(over='ignore', invalid='ignore'):
        norm = np.linalg.norm(quaternion)
    if not np.isfinite(norm) or norm < 1e-6:
        raise DataError(f'quaternion ({x}, {y}, {z}, {w}) has no direction: '
                        'an orientation must be set, identity is (0, 0, 0, 1)')
    rotation: Matrix = quat2mat(quaternion / norm)
    return rotation


def rotation_to_quaternion(rotation: ArrayLike) -> tuple[float, float, float, float]:
    """Return the quaternion of a (3, 3) rotation in ROS order (x, y, z, w)."""
    w, x, y, z = mat2quat(np.asarray(rotation, np.float64))
    return float(x), float(y), float(z), float(w)


def level_camera_pose(
    *, height_m: float, pitch_rad: float = 0.0, roll_rad: float = 0.0,
) -> Matrix:
    """
    Return T_level_camera of a camera above the floor.

    The level frame has x right, y forward, z up and its origin on the floor under the camera.

    Args:
        height_m: height of the optical centre above the floor.
        pitch_rad: positive looks down.
        roll_rad: positive turns the camera clockwise as seen from behind it.
    """
    cos_pitch, sin_pitch = np.cos(pitch_rad), np.sin(pitch_rad)
    cos_roll, sin_roll = np.cos(roll_rad), np.sin(roll_rad)
    about_x = np.array([[1, 0, 0], [0, cos_pitch, sin_pitch], [0, -sin_pitch, cos_pitch]])
    about_z = np.array([[cos_roll, -sin_roll, 0], [sin_roll, cos_roll, 0], [0, 0, 1]])
    return make_rigid(OPTICAL_TO_LEVEL @ about_x @ about_z, [0.0, 0.0, height_m])


def remove_yaw(T_world_camera: ArrayLike) -> Matrix:
    """
    Express a camera pose in its own level frame.

    Args:
        T_world_camera: (4, 4) pose of an optical frame in a z-up world whose floor is z = 0.

    Returns:
        T_level_camera: the same height, pitch and roll; heading along +y, position above the
        level frame's origin.

    Raises:
        DataError: the camera looks straight up or down, so that it has no heading.
    """
    pose = np.asarray(T_world_camera, np.float64)
    forward = pose[:2, 2]
    length = float(np.hypot(forward[0], forward[1]))
    if not np.isfinite(pose).all() or length < 1e-3:
        raise DataError('the camera pose has no heading (not finite, or it looks straight up or '
                        'down): the scene box is placed along the viewing direction')
    forward_x, forward_y = forward / length
    # Rows are the level axes in the world: right, forward, up.
    rotation = np.array([
        [forward_y, -forward_x, 0.0],
        [forward_x, forward_y, 0.0],
        [0.0, 0.0, 1.0]])
    return make_rigid(rotation @ pose[:3, :3], [0.0, 0.0, pose[2, 3]])
