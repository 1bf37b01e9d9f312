"""Poses: nav_msgs/Odometry and geometry_msgs/TransformStamped to (4, 4) transforms and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import DataError, MessageError
from ssc_ros.geometry.transforms import (
    make_rigid,
    quaternion_to_rotation,
    rotation_to_quaternion,
)
from ssc_ros.messages.classes import new_message
from ssc_ros.messages.headers import stamp_ns

MAX_COORDINATE_M = 1e9
"""Beyond any map, and far below what overflows."""


@dataclass(frozen=True, slots=True, eq=False)
class StampedPose:
    """
    The pose of one frame in another at a time.

    Attributes:
        T_parent_child: (4, 4) transform of points of ``child_frame_id`` into ``frame_id``.
    """

    T_parent_child: NDArray[np.float64]
    stamp_ns: int
    frame_id: str
    child_frame_id: str


def decode_odometry(msg: Any) -> StampedPose:
    """
    Return the pose of a nav_msgs/Odometry.

    Raises:
        MessageError: position or orientation is not finite, the position is beyond
            MAX_COORDINATE_M, or the quaternion is zero.
    """
    pose = msg.pose.pose
    return StampedPose(
        _rigid(pose.position, pose.orientation), stamp_ns(msg.header.stamp), msg.header.frame_id,
        msg.child_frame_id)


def decode_transform(msg: Any) -> StampedPose:
    """
    Return the pose of a geometry_msgs/TransformStamped.

    Raises:
        MessageError: as decode_odometry().
    """
    return StampedPose(
        _rigid(msg.transform.translation, msg.transform.rotation), stamp_ns(msg.header.stamp),
        msg.header.frame_id, msg.child_frame_id)


def encode_pose(T_parent_child: ArrayLike) -> Any:
    """Return a geometry_msgs/Pose."""
    translation, rotation = _vector_and_quaternion(T_parent_child)
    return new_message(
        'geometry_msgs/Pose', position=new_message('geometry_msgs/Point', **translation),
        orientation=new_message('geometry_msgs/Quaternion', **rotation))


def encode_odometry(T_parent_child: ArrayLike, header: Any, child_frame_id: str) -> Any:
    """Return a nav_msgs/Odometry without velocities."""
    pose = new_message('geometry_msgs/PoseWithCovariance', pose=encode_pose(T_parent_child))
    return new_message(
        'nav_msgs/Odometry', header=header, child_frame_id=child_frame_id, pose=pose)


def encode_transform(T_parent_child: ArrayLike, header: Any, child_frame_id: str) -> Any:
    """Return a geometry_msgs/TransformStamped."""
    translation, rotation = _vector_and_quaternion(T_parent_child)
    transform = new_message(
        'geometry_msgs/Transform', translation=new_message('geometry_msgs/Vector3', **translation),
        rotation=new_message('geometry_msgs/Quaternion', **rotation))
    return new_message(
        'geometry_msgs/TransformStamped', header=header, child_frame_id=child_frame_id,
        transform=transform)


def _rigid(position: Any, orientation: Any) -> NDArray[np.float64]:
    translation = np.array([position.x, position.y, position.z], np.float64)
    if not (np.abs(translation) <= MAX_COORDINATE_M).all():  # NaN, too
        raise MessageError(
            f'pose has the position {translation.tolist()}, expected finite '
            f'metres up to {MAX_COORDINATE_M:g}: '
            'check the odometry')
    try:
        rotation = quaternion_to_rotation(
            orientation.x, orientation.y, orientation.z, orientation.w)
    except DataError as error:
        raise MessageError(str(error)) from error
    return make_rigid(rotation, translation)


def _vector_and_quaternion(transform: ArrayLike) -> tuple[dict[str, float], dict[str, float]]:
    matrix = np.asarray(transform, np.float64)
    translation = dict(zip('xyz', matrix[:3, 3].tolist(), strict=True))
    rotation = dict(zip('xyzw', rotation_to_quaternion(matrix[:3, :3]), strict=True))
    return translation, rotation
