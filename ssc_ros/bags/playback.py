"""In which order and when the messages of a bag leave the player."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from time import monotonic

from ssc_ros.bags.parts import BagTopic
from ssc_ros.bags.reader import NANOSECONDS_PER_SECOND, BagMessage, BagReader
from ssc_ros.errors import DataError

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')


def select_topics(reader: BagReader, patterns: Collection[str]) -> list[BagTopic]:
    """
    Return the topics of a bag that match any of the shell-style ``patterns``.

    Raises:
        DataError: none does.
    """
    selected = [topic for name, topic in sorted(reader.topics.items())
                if any(fnmatchcase(name, pattern) for pattern in patterns)]
    if not selected:
        raise DataError(
            f'no topic of {reader.path} matches {", ".join(patterns)}; it holds '
            f'{", ".join(sorted(reader.topics)) or "none"}')
    return selected


def pivot_topic(topics: Iterable[BagTopic], name: str = '') -> str:
    """
    Return the topic that begins a set of messages: ``name``, or the first image topic.

    Raises:
        DataError: ``name`` is not in the bag, or no topic carries images.
    """
    candidates = [topic.name for topic in topics
                  if topic.name == name or (not name and topic.type_name in IMAGE_TYPES)]
    if not candidates:
        raise DataError(f'lockstep needs {name or "a topic with images"}, which the bag or the '
                        'selection of topics lacks: set lockstep_input to a topic of the bag')
    return candidates[0]


def lockstep_sets(messages: Iterator[BagMessage], pivot: str) -> Iterator[list[BagMessage]]:
    """
    Group the messages into sets, each with one message of topic ``pivot``, which comes last.

    A set reaches from the bag time of its pivot to that of the next one. Within a set images
    follow all else: calibrations and poses are then there when the images arrive. A damaged bag
    raises its error after the last set.
    """
    waiting: list[BagMessage] = []
    damage: DataError | None = None
    while True:
        try:
            message = next(messages, None)
        except DataError as error:
            message, damage = None, error
        if message is None:
            break
        if message.topic == pivot:
            # What carries the same bag time belongs to this pivot, even if stored before it.
            current = [item for item in waiting if item.time_ns >= message.time_ns]
            before = [item for item in waiting if item.time_ns < message.time_ns]
            if any(item.topic == pivot for item in before):
                yield _ordered(before, pivot)
                waiting = current
        waiting.append(message)
    if waiting:
        yield _ordered(waiting, pivot)
    if damage is not None:
        raise damage


def _ordered(messages: list[BagMessage], pivot: str) -> list[BagMessage]:
    return sorted(messages, key=lambda message: (
        message.topic == pivot, message.type_name in IMAGE_TYPES))


@dataclass(slots=True)
class Pace:
    """Tells how long to wait before a message, so that the bag runs at ``rate``."""

    _anchor_bag_ns: int = 0
    _anchor_s: float = field(default=0.0)
    _rate: float = 0.0

    def restart(self) -> None:
        """Let the next message leave at once and count from there."""
        self._rate = 0.0

    def delay_s(self, time_ns: int, rate: float, *, now_s: float | None = None) -> float:
        """Return the seconds until a message of bag time ``time_ns`` is due."""
        now = monotonic() if now_s is None else now_s
        if rate != self._rate:
            self._anchor_bag_ns, self._anchor_s, self._rate = time_ns, now, rate
        elapsed_s = (time_ns - self._anchor_bag_ns) / NANOSECONDS_PER_SECOND
        return max(0.0, self._anchor_s + elapsed_s / rate - now)

    def bag_time_ns(self) -> int:
        """Return the bag time that is being played now."""
        if self._rate == 0:
            return self._anchor_bag_ns
        elapsed_s = (monotonic() - self._anchor_s) * self._rate
        return self._anchor_bag_ns + round(elapsed_s * NANOSECONDS_PER_SECOND)
