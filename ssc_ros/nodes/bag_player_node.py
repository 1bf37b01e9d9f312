"""
Replays a bag: the stored bytes leave as they are, on the topics they were recorded from.

Either at the pace of the recording, or in lockstep: the next set of messages only leaves after
an answer to the last one came back, so that a slow network sees every frame.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from traceback import format_exc
from typing import Any

from rclpy.duration import Duration
from rclpy.qos import QoSProfile

from ssc_ros.bags.parts import BagTopic
from ssc_ros.bags.playback import Pace, lockstep_sets, pivot_topic, select_topics
from ssc_ros.bags.reader import BagMessage, BagReader
from ssc_ros.errors import ConfigurationError, DataError, MessageError
from ssc_ros.messages.classes import message_class, new_message
from ssc_ros.messages.headers import make_stamp
from ssc_ros.nodes.compat import shut_down
from ssc_ros.nodes.lifecycle_node import SscLifecycleNode, run_node
from ssc_ros.nodes.lockstep_answers import LockstepAnswers, stamp_bytes
from ssc_ros.nodes.parameters import parameter
from ssc_ros.nodes.qos import latched_qos, output_qos
from ssc_ros.nodes.settings import LifecycleParameters

QUEUE_DEPTH = 20
POLL_S = 0.02
ACKNOWLEDGE_TIMEOUT_S = 5
IMAGES_DELAY_S = 0.005
"""Calibrations and poses get this lead over their images, as topics may overtake each other."""


@dataclass(frozen=True, slots=True)
class BagPlayerParameters(LifecycleParameters):
    """bag_player_node."""

    bag: str = parameter(
        '', 'folder of a rosbag2 bag (mcap or sqlite3), or one file of it', path='file')
    topics: tuple[str, ...] = parameter(
        ('*',), 'topics to publish, with * and ? as in a shell')
    rate: float = parameter(
        1.0, 'speed relative to the recording', minimum=0.01, maximum=1000.0, live=True)
    loop: bool = parameter(False, 'start again at the end', live=True)
    start_offset_s: float = parameter(
        0.0, 'skip this much of the bag', unit='s', minimum=0.0, maximum=1e6)
    clock_hz: float = parameter(
        0.0, 'rate of /clock in wall time, for nodes with use_sim_time; 0 = none', unit='Hz',
        minimum=0.0, maximum=1000.0)
    wait_for_subscribers: int = parameter(
        0, 'start when each of wait_for_topics has this many subscribers', minimum=0, maximum=100,
        read='activation')
    wait_for_topics: tuple[str, ...] = parameter(
        ('*',), 'topics that wait_for_subscribers looks at, with * and ? as in a shell',
        read='activation')
    wait_for_answer_subscribers: int = parameter(
        0, 'start when lockstep_topic has this many subscribers beside the player, such as a '
        'recorder that must not miss the first answer', minimum=0, maximum=100, read='activation')
    settle_s: float = parameter(
        0.5, 'pause after the subscribers were found: they must find the player, too', unit='s',
        minimum=0.0, maximum=60.0, read='activation')
    lockstep_topic: str = parameter(
        '', 'wait for an answer with the same stamp on this topic before the next set of '
        'messages; rate is then ignored; empty = play at the pace of the recording')
    lockstep_type: str = parameter(
        'sensor_msgs/Image', 'message type of lockstep_topic; it must begin with a header')
    lockstep_input: str = parameter(
        '', 'topic whose messages are answered; empty = the first image topic of the bag')
    lockstep_timeout_s: float = parameter(
        60.0, 'go on without an answer after this time', unit='s', minimum=0.01, maximum=1e5,
        live=True)
    at_end: str = parameter(
        'exit', 'exit ends the process at the end of the bag, idle keeps it',
        choices=('exit', 'idle'), live=True)

    def __post_init__(self) -> None:
        if self.wait_for_answer_subscribers and not self.lockstep_topic:
            raise ConfigurationError(
                'wait_for_answer_subscribers counts those of lockstep_topic, which is not set')


class BagPlayerNode(SscLifecycleNode[BagPlayerParameters]):
    """
    Publishes while active; inactive = paused, and activating goes on from there.

    Attributes:
        published: messages sent so far.
        unanswered: lockstep sets that timed out.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('bag_player_node', BagPlayerParameters, **options)
        self.published = 0
        self.unanswered = 0
        self._reader: BagReader | None = None
        self._topic_publishers: dict[str, Any] = {}
        self._clock_publisher: Any = None
        self._answers: LockstepAnswers | None = None
        self._source: Iterator[list[BagMessage]] = iter(())
        self._pace = Pace()
        self._clock_ns = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def handle_configure(self) -> None:
        """Open the bag and announce its topics."""
        values = self.parameters
        if not values.bag:
            raise ConfigurationError('bag is not set: give the folder of a rosbag2 bag')
        self._reader = BagReader(values.bag)
        topics = select_topics(self._reader, values.topics)
        if values.lockstep_topic:
            pivot_topic(topics, values.lockstep_input)
            self._answers = LockstepAnswers(self, values.lockstep_topic, values.lockstep_type)
        for topic in topics:
            self._announce(topic)
        if values.clock_hz > 0:
            self._clock_publisher = self.create_publisher(
                message_class('rosgraph_msgs/Clock'), '/clock', output_qos(1))
        self._source = self._new_source()
        self.get_logger().info(
            f'{values.bag}: {self._reader.message_count} messages, '
            f'{self._reader.duration_s:.1f} s, topics {", ".join(self._topic_publishers)}')
        if self._reader.damage:
            self.get_logger().warning(
                f'{values.bag} is damaged and only read in part: {self._reader.damage}')

    def _announce(self, topic: BagTopic) -> None:
        package, _, name = topic.type_name.split('/')
        try:
            kind = message_class(f'{package}/{name}')
        except (AttributeError, MessageError) as error:
            self.get_logger().warning(f'{topic.name} is not played: {error}')
            return
        qos: QoSProfile = latched_qos() if topic.is_latched else output_qos(QUEUE_DEPTH)
        self._topic_publishers[topic.name] = self.create_publisher(kind, topic.name, qos)

    def _new_source(self) -> Iterator[list[BagMessage]]:
        assert self._reader is not None  # set by handle_configure
        self._clock_ns = 0
        values = self.parameters
        messages = self._reader.messages(
            tuple(self._topic_publishers), start_offset_s=values.start_offset_s)
        if values.lockstep_topic:
            topics = [self._reader.topics[name] for name in self._topic_publishers]
            return lockstep_sets(messages, pivot_topic(topics, values.lockstep_input))
        return ([message] for message in messages)

    def handle_activate(self) -> None:
        """Play from where the bag stands."""
        self._stop.clear()
        self._pace.restart()
        self._thread = threading.Thread(target=self._run, name='ssc_player', daemon=True)
        self._thread.start()

    def handle_deactivate(self) -> None:
        """Pause."""
        self._stop.set()
        if self._answers is not None:
            self._answers.wake()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2.0)

    def handle_cleanup(self) -> None:
        """Close the bag and take the topics away."""
        for publisher in (*self._topic_publishers.values(), self._clock_publisher):
            if publisher is not None:
                self.destroy_publisher(publisher)
        self._topic_publishers, self._clock_publisher = {}, None
        if self._answers is not None:
            self._answers.close()
            self._answers = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _run(self) -> None:
        try:
            self._wait_for_subscribers()
            while not self._stop.is_set() and self._play_to_the_end() and self.parameters.loop:
                self._source = self._new_source()
                self._pace.restart()
        except Exception:
            self.get_logger().error(f'playing stopped:\n{format_exc()}')
        if not self._stop.is_set():
            self._finish()

    def _play_to_the_end(self) -> bool:
        """Play what is left; return whether the bag can be played again."""
        try:
            for messages in self._source:
                self._play(messages)
                if self._stop.is_set():
                    return False
        except DataError as error:
            self.get_logger().error(str(error))
            return False
        return True

    def _play(self, messages: Sequence[BagMessage]) -> None:
        values = self.parameters
        if not values.lockstep_topic:
            self._sleep(self._pace.delay_s(messages[0].time_ns, values.rate))
            if not self._stop.is_set():
                self._publish(messages[0])
            return
        pivot = messages[-1]
        is_image = [message.type_name == pivot.type_name for message in messages]
        for message, pause in zip(messages, _first_true(is_image), strict=True):
            if pause:
                self._sleep(IMAGES_DELAY_S)
            self._publish(message)
        self._wait_for_answer(pivot)

    def _publish(self, message: BagMessage) -> None:
        self._publish_clock(message.time_ns)
        self._topic_publishers[message.topic].publish(message.data)
        self.published += 1

    def _publish_clock(self, time_ns: int) -> None:
        # Within one pass the clock never runs backwards, though sleeping overshoots a little.
        if self._clock_publisher is not None and time_ns > self._clock_ns:
            self._clock_ns = time_ns
            self._clock_publisher.publish(
                new_message('rosgraph_msgs/Clock', clock=make_stamp(time_ns)))

    def _sleep(self, seconds: float) -> None:
        """Wait, and keep /clock running meanwhile."""
        deadline = monotonic() + seconds
        clock_hz = self.parameters.clock_hz
        while (left_s := deadline - monotonic()) > 0 and not self._stop.is_set():
            self._stop.wait(min(left_s, 1 / clock_hz) if clock_hz > 0 else left_s)
            if clock_hz > 0 and not self.parameters.lockstep_topic:
                self._publish_clock(self._pace.bag_time_ns())

    def _wait_for_subscribers(self) -> None:
        values = self.parameters
        wanted_answers = values.wait_for_answer_subscribers
        if not (values.wait_for_subscribers or wanted_answers) or self._reader is None:
            return
        wanted = [topic.name for topic in select_topics(self._reader, values.wait_for_topics)
                  if topic.name in self._topic_publishers]
        while not self._stop.is_set() and any(
                self._topic_publishers[name].get_subscription_count()
                < values.wait_for_subscribers for name in wanted):
            self._stop.wait(POLL_S)
        while not self._stop.is_set() and wanted_answers and (
                self.count_subscribers(values.lockstep_topic) <= wanted_answers):
            self._stop.wait(POLL_S)
        self._stop.wait(values.settle_s)

    def _wait_for_answer(self, pivot: BagMessage) -> None:
        expected, timeout_s = stamp_bytes(pivot.data), self.parameters.lockstep_timeout_s
        assert self._answers is not None  # set by handle_configure
        if not self._answers.wait_for(expected, timeout_s, self._stop.is_set):
            self.unanswered += 1
            seconds, nanoseconds = struct.unpack('<iI', expected)
            self.get_logger().warning(
                f'no answer on {self.parameters.lockstep_topic} to {pivot.topic} of stamp '
                f'{seconds}.{nanoseconds:09d} within {timeout_s:g} s: going on without it')

    def _finish(self) -> None:
        for publisher in self._topic_publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=ACKNOWLEDGE_TIMEOUT_S))
        self.get_logger().info(f'end of the bag: {self.published} messages published')
        if self.parameters.at_end == 'exit':
            shut_down()


def _first_true(flags: Sequence[bool]) -> list[bool]:
    """Return the flags with all but the first True cleared."""
    first = flags.index(True) if True in flags else -1
    return [index == first for index in range(len(flags))]


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(BagPlayerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
