"""Where the camera stood when an image was taken: T_world_camera from four kinds of source."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from ssc_ros.errors import DataError, MessageError
from ssc_ros.geometry.gravity import DepthView, level_pose_from_depth
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.messages.classes import message_class
from ssc_ros.messages.odometry import StampedPose, decode_odometry
from ssc_ros.nodes.qos import overridable, sensor_qos
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.settings import PoseParameters

ODOMETRY_TOPIC = 'odom'
ODOMETRY_DEPTH = 50
HISTORY_LENGTH = 1000
NANOSECONDS_PER_MS = 1_000_000

GetParameters = Callable[[], PoseParameters]


class PoseSource(Protocol):
    """
    Tells the pose of an optical frame in a z-up world whose floor is z = 0.

    Attributes:
        world_frame: name of the frame of the latest pose, empty where it has none.
    """

    world_frame: str

    def pose_at(
        self, stamp_ns: int, frame_id: str, depth: DepthView | None = None,
    ) -> NDArray[np.float64]:
        """
        Return the (4, 4) T_world_camera; may block up to ``pose.timeout_ms``.

        Args:
            depth: what was measured, for nodes with a depth camera.

        Raises:
            DataError: no pose of that frame is known for that time.
        """

    def clear(self) -> None:
        """Forget what was received."""

    def close(self) -> None:
        """Stop listening and release a waiting ``pose_at``."""


def create_pose_source(
    node: Node, parameters: GetParameters, reporter: ThrottledReporter,
) -> PoseSource:
    """
    Return the source that ``pose.source`` names; live parameters are read at every call.

    Raises:
        ConfigurationError: ``tf`` is asked for but tf2_ros is not installed.
    """
    source = parameters().source
    if source == 'odometry':
        return OdometryPose(node, parameters, reporter)
    if source == 'tf':
        from ssc_ros.nodes.tf_pose import TransformPose

        return TransformPose(node, parameters)
    return DepthPose() if source == 'depth' else FixedPose(parameters)


class FixedPose:
    """A camera at constant height, pitch and roll."""

    world_frame = ''

    def __init__(self, parameters: GetParameters) -> None:
        self._parameters = parameters

    def pose_at(
        self, stamp_ns: int, frame_id: str, depth: DepthView | None = None,
    ) -> NDArray[np.float64]:
        """Return the pose the parameters describe, whatever the time."""
        values = self._parameters()
        return level_camera_pose(
            height_m=values.camera_height_m, pitch_rad=float(np.radians(values.camera_pitch_deg)),
            roll_rad=float(np.radians(values.camera_roll_deg)))

    def clear(self) -> None:
        """Nothing was received."""

    def close(self) -> None:
        """Nothing to stop."""


class DepthPose:
    """The pose that every depth image itself shows; see ``geometry.gravity``."""

    world_frame = ''

    def pose_at(
        self, stamp_ns: int, frame_id: str, depth: DepthView | None = None,
    ) -> NDArray[np.float64]:
        """Return the level pose; the world turns and travels with the camera."""
        if depth is None:
            raise DataError('pose.source is depth but this node hears no depth image: set it to '
                            'parameters, odometry or tf')
        return level_pose_from_depth(depth)

    def clear(self) -> None:
        """Nothing was received."""

    def close(self) -> None:
        """Nothing to stop."""


class OdometryPose:
    """Poses from nav_msgs/Odometry whose child frame is the optical frame."""

    def __init__(
        self, node: Node, parameters: GetParameters, reporter: ThrottledReporter,
    ) -> None:
        self._node = node
        self._parameters = parameters
        self._reporter = reporter
        self._poses: deque[StampedPose] = deque(maxlen=HISTORY_LENGTH)
        self._changed = threading.Condition()
        self._is_closed = False
        self.world_frame = ''
        self._topic: str = node.resolve_topic_name(ODOMETRY_TOPIC)
        self._subscription = node.create_subscription(
            message_class('nav_msgs/Odometry'), ODOMETRY_TOPIC, self._receive,
            sensor_qos(ODOMETRY_DEPTH), **overridable())

    def _receive(self, msg: Any) -> None:
        try:
            pose = decode_odometry(msg)
        except MessageError as error:
            self._reporter.warn('bad_odometry', self._topic, str(error))
            return
        with self._changed:
            if self._poses and pose.stamp_ns < self._poses[-1].stamp_ns:
                self._poses.clear()  # a bag looped or a clock was set back
            self._poses.append(pose)
            self._changed.notify_all()

    def pose_at(
        self, stamp_ns: int, frame_id: str, depth: DepthView | None = None,
    ) -> NDArray[np.float64]:
        """Return the pose nearest to ``stamp_ns``; waits for one that is not older."""
        values = self._parameters()
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or bool(
                    self._poses and self._poses[-1].stamp_ns >= stamp_ns),
                timeout=values.timeout_ms / 1000)
            nearest = min(
                self._poses, key=lambda pose: abs(pose.stamp_ns - stamp_ns), default=None)
        if nearest is None:
            raise DataError(f'no odometry on topic {self._topic}: start its '
                            'publisher or set pose.source to parameters')
        self._check(nearest, stamp_ns, frame_id, values.tolerance_ms)
        self.world_frame = nearest.frame_id
        return above_floor(nearest.T_parent_child, values.floor_z_m)

    def _check(
        self, pose: StampedPose, stamp_ns: int, frame_id: str, tolerance_ms: float,
    ) -> None:
        if pose.child_frame_id != frame_id:
            raise DataError(
                f'odometry on {self._topic} moves frame {pose.child_frame_id!r} but the image '
                f'is in {frame_id!r}: publish the pose of the optical frame, or set pose.source '
                'to tf')
        gap_ms = abs(pose.stamp_ns - stamp_ns) / NANOSECONDS_PER_MS
        if gap_ms > tolerance_ms:
            raise DataError(
                f'nearest odometry on {self._topic} is {gap_ms:.0f} ms away from the image, '
                f'pose.tolerance_ms allows {tolerance_ms:g}: check the clocks of both')

    def clear(self) -> None:
        """Forget all poses."""
        with self._changed:
            self._poses.clear()

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def above_floor(T_world_camera: NDArray[np.float64], floor_z_m: float) -> NDArray[np.float64]:
    """Return the pose in the same world shifted so that its floor is z = 0."""
    shifted = T_world_camera.copy()
    shifted[2, 3] -= floor_z_m
    return shifted
