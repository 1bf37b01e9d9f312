"""Poses from the TF tree; needs tf2_ros, which only ROS installations carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.geometry.gravity import DepthView
from ssc_ros.messages.odometry import decode_transform
from ssc_ros.nodes.poses import above_floor

if TYPE_CHECKING:
    from ssc_ros.nodes.poses import GetParameters


class TransformPose:
    """Looks up world_frame <- optical frame; the node's executor feeds the buffer."""

    def __init__(self, node: Node, parameters: GetParameters) -> None:
        try:
            import tf2_ros
        except ImportError as error:
            raise ConfigurationError(
                f'pose.source is tf but tf2_ros is not installed ({error}): source a ROS 2 '
                'installation, or set pose.source to odometry or parameters') from error
        self._parameters = parameters
        self.world_frame = parameters().world_frame
        self._errors = tf2_ros.TransformException
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def pose_at(
        self, stamp_ns: int, frame_id: str, depth: DepthView | None = None,
    ) -> NDArray[np.float64]:
        """Return the pose at exactly ``stamp_ns``, interpolated by TF."""
        values = self._parameters()
        try:
            transform = self._buffer.lookup_transform(
                values.world_frame, frame_id, Time(nanoseconds=stamp_ns),
                timeout=Duration(nanoseconds=int(values.timeout_ms * 1e6)))
        except self._errors as error:
            raise DataError(
                f'TF knows no transform from {frame_id!r} to {values.world_frame!r} at the '
                f'stamp of the image ({error}): check the tree with '
                f'ros2 run tf2_ros tf2_echo {values.world_frame} {frame_id}') from error
        return above_floor(decode_transform(transform).T_parent_child, values.floor_z_m)

    def clear(self) -> None:
        """Forget all transforms."""
        self._buffer.clear()

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()
