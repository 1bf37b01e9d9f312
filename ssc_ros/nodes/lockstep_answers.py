"""Wait until a consumer has answered a message."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.node import Node

from ssc_ros.messages.classes import message_class
from ssc_ros.nodes.qos import output_qos

QUEUE_DEPTH = 20


class LockstepAnswers:
    """
    Listens to a topic whose messages begin with a header and remembers the newest stamp.

    Args:
        message_type: of the topic, e.g. ``sensor_msgs/Image``.
    """

    def __init__(self, node: Node, topic: str, message_type: str) -> None:
        self._node = node
        self._changed = threading.Condition()
        self._stamp = b''
        self._subscription = node.create_subscription(
            message_class(message_type), topic, self._receive, output_qos(QUEUE_DEPTH), raw=True)

    def wait_for(
        self, stamp: bytes, timeout_s: float, is_stopped: Callable[[], bool],
    ) -> bool:
        """Return whether an answer of this stamp came in time (or the wait was stopped)."""
        with self._changed:
            return self._changed.wait_for(
                lambda: is_stopped() or self._stamp == stamp, timeout_s)

    def wake(self) -> None:
        """Let a waiting thread look again whether it is stopped."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)

    def _receive(self, data: bytes) -> None:
        with self._changed:
            self._stamp = stamp_bytes(data)
            self._changed.notify_all()


def stamp_bytes(data: bytes) -> bytes:
    """Return the stamp of a serialised message that begins with a header, little-endian."""
    head = bytes(data[4:12])
    is_little_endian = bytes(data[:2]) == b'\x00\x01'
    return head if is_little_endian else head[3::-1] + head[:3:-1]
