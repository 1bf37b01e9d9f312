"""Records topics into a bag, byte for byte, where ``ros2 bag record`` is not installed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from time import time_ns
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from ssc_ros.bags.typestore import is_known
from ssc_ros.bags.writer import BagWriter
from ssc_ros.errors import ConfigurationError, MessageError
from ssc_ros.messages.classes import message_class
from ssc_ros.nodes.compat import create_wall_timer
from ssc_ros.nodes.lifecycle_node import SscLifecycleNode, run_node
from ssc_ros.nodes.parameters import parameter
from ssc_ros.nodes.settings import LifecycleParameters

DISCOVERY_PERIOD_S = 0.1
QUEUE_DEPTH = 100


@dataclass(frozen=True, slots=True)
class BagRecorderParameters(LifecycleParameters):
    """bag_recorder_node."""

    bag: str = parameter(
        '', 'folder of the new bag; an older bag there is replaced', path='file')
    storage: str = parameter('mcap', 'file format', choices=('mcap', 'sqlite3'))
    compress: bool = parameter(True, 'compress with zstd')
    topics: tuple[str, ...] = parameter(
        ('*',), 'topics to record as soon as they appear, with * and ? as in a shell', live=True)


class BagRecorderNode(SscLifecycleNode[BagRecorderParameters]):
    """
    Records while active; the bag is complete after cleanup or at the end of the process.

    The bag time of a message is the wall time at which it was sent, as the middleware knows it.

    Attributes:
        recorded: messages written so far.
        lost: messages that came after the disk refused one; nothing is written behind a gap.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('bag_recorder_node', BagRecorderParameters, **options)
        self._writer: BagWriter | None = None
        self._listeners: dict[str, Any] = {}
        self._timer: Any = None
        self.recorded = 0
        self.lost = 0

    def handle_configure(self) -> None:
        """Create the bag."""
        values = self.parameters
        if not values.bag:
            raise ConfigurationError('bag is not set: give the folder of the new bag')
        self.recorded = self.lost = 0
        self._writer = BagWriter(
            values.bag, storage=values.storage, compress=values.compress, overwrite=True)

    def handle_activate(self) -> None:
        """Listen to all matching topics, now and later."""
        self._timer = create_wall_timer(self, DISCOVERY_PERIOD_S, self._discover)

    def handle_deactivate(self) -> None:
        """Stop listening."""
        if self._timer is not None:
            self._timer.cancel()
            self.destroy_timer(self._timer)
            self._timer = None
        for listener in self._listeners.values():
            if listener is not None:
                self.destroy_subscription(listener)
        self._listeners = {}

    def handle_cleanup(self) -> None:
        """Complete the bag."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except OSError as error:
                self.get_logger().error(
                    f'{writer.path} has no index ({error}) but can be read in part: free space '
                    'on the disk')
            lost = f', {self.lost} lost' if self.lost else ''
            self.get_logger().info(f'{writer.path}: {self.recorded} messages recorded{lost}')

    def _discover(self) -> None:
        for topic, types in self.get_topic_names_and_types():
            is_new = topic not in self._listeners and self._is_wanted(topic)
            if is_new and self.count_publishers(topic):
                self._listeners[topic] = self._listen(topic, types[0])

    def _is_wanted(self, topic: str) -> bool:
        return any(fnmatchcase(topic, pattern) for pattern in self.parameters.topics)

    def handle_parameter_change(self) -> None:
        """Stop listening to what is no longer wanted; what is wanted now is found in time."""
        for topic in [topic for topic in self._listeners if not self._is_wanted(topic)]:
            listener = self._listeners.pop(topic)
            if listener is not None:
                self.destroy_subscription(listener)

    def _listen(self, topic: str, type_name: str) -> Any:
        package, _, name = type_name.split('/')
        try:
            kind = message_class(f'{package}/{name}')
        except (AttributeError, MessageError) as error:
            self.get_logger().warning(f'{topic} is not recorded: {error}')
            return None
        if not is_known(type_name):
            self.get_logger().warning(
                f'{topic} is not recorded: {type_name} is no type of ROS 2 itself; use '
                '`ros2 bag record` for it')
            return None
        return self.create_subscription(
            kind, topic, self._receiver(topic, type_name), self._matching_qos(topic), raw=True)

    def _receiver(self, topic: str, type_name: str) -> Callable[..., None]:
        def receive(data: bytes, info: Mapping[str, int]) -> None:
            # This callback may run much later than the arrival, and topics overtake each other.
            sent_ns = info.get('source_timestamp') or time_ns()
            if self._writer is not None:
                self._record(topic, type_name, sent_ns, data)

        return receive

    def _record(self, topic: str, type_name: str, sent_ns: int, data: bytes) -> None:
        assert self._writer is not None  # checked by the caller
        if self.lost:
            self.lost += 1
            return
        try:
            self._writer.write_raw(topic, type_name, sent_ns, data)
            self.recorded += 1
        except (OSError, sqlite3.Error) as error:
            self.lost = 1
            self.get_logger().error(
                f'{self._writer.path} cannot be written ({error}): what comes from now on is '
                f'lost, {self.recorded} messages are kept; free space on the disk, then record '
                'again')

    def _matching_qos(self, topic: str) -> QoSProfile:
        """Return the strongest profile that all publishers of a topic satisfy."""
        profiles = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
        is_reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in profiles)
        is_latched = all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in profiles)
        return QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=QUEUE_DEPTH,
            reliability=(ReliabilityPolicy.RELIABLE if is_reliable
                         else ReliabilityPolicy.BEST_EFFORT),
            durability=(DurabilityPolicy.TRANSIENT_LOCAL if is_latched
                        else DurabilityPolicy.VOLATILE))


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(BagRecorderNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
