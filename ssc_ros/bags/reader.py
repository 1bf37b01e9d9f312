"""Read rosbag2 bags: what topics they hold, and their messages in time order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ssc_ros.bags.parts import BagPart, BagTopic, open_parts
from ssc_ros.bags.salvage import plain_cdr
from ssc_ros.bags.typestore import deserialize, full_type_name, require_rosbags
from ssc_ros.errors import DataError

NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class BagMessage:
    """One stored message: its CDR bytes exactly as recorded, and the bag time in ns."""

    topic: str
    type_name: str
    time_ns: int
    data: bytes
    definition: str = field(default='', repr=False)

    def decode(self) -> Any:
        """Return the message with the attributes of its ROS type; MessageError when corrupt."""
        return deserialize(self.data, self.type_name, self.definition)


class BagReader:
    """
    An open bag: a rosbag2 folder, or one .mcap or .db3 file of it.

    A damaged bag (cut in the middle, recorder killed, metadata.yaml lost) opens all the same:
    ``messages`` yields everything that can still be read and then raises DataError.

    Attributes:
        topics: what the bag holds, by topic name.
        start_ns, end_ns: time of the first and of the last readable message.
        damage: what is wrong with the bag, empty = nothing.

    Raises:
        DataError: there is no bag at ``path``, or nothing in it is readable.
    """

    def __init__(self, path: Path | str) -> None:
        require_rosbags()
        self.path = Path(path)
        self._parts = open_parts(self.path)
        self.topics = _merged_topics(self._parts)
        self.start_ns = min(part.start_ns for part in self._parts)
        self.end_ns = max(part.end_ns for part in self._parts)
        self.damage = '; '.join(part.damage for part in self._parts if part.damage)

    @property
    def duration_s(self) -> float:
        """Seconds between the first and the last message."""
        return max(0, self.end_ns - self.start_ns) / NANOSECONDS_PER_SECOND

    @property
    def message_count(self) -> int:
        """Number of readable messages."""
        return sum(topic.message_count for topic in self.topics.values())

    def require_topics(self, names: Collection[str]) -> None:
        """Raise DataError unless the bag holds all ``names``."""
        missing = [name for name in names if name not in self.topics]
        if missing:
            raise DataError(
                f'{self.path} has no topic {", ".join(missing)}; it holds '
                f'{", ".join(sorted(self.topics)) or "none"}: choose among these or another bag')

    def messages(
        self, topics: Collection[str] = (), *, start_offset_s: float = 0.0,
    ) -> Iterator[BagMessage]:
        """
        Yield messages in time order.

        Args:
            topics: only these; empty = all.
            start_offset_s: skip what lies this far or less behind the begin of the bag.

        Raises:
            DataError: at the very end, when the bag is damaged.
        """
        start_ns = self.start_ns + round(start_offset_s * NANOSECONDS_PER_SECOND)
        names = topics or self.topics.keys()
        for part in self._parts:
            for raw in part.messages(names, start_ns):
                yield BagMessage(
                    raw.topic, full_type_name(raw.type_name), raw.time_ns,
                    plain_cdr(raw.data), raw.definition)
        if self.damage:
            raise DataError(f'{self.path} is damaged: {self.damage}; what could be read was used')

    def close(self) -> None:
        """Close the files."""
        for part in self._parts:
            part.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _merged_topics(parts: list[BagPart]) -> dict[str, BagTopic]:
    merged: dict[str, BagTopic] = {}
    for part in parts:
        for name, topic in part.topics.items():
            count = merged[name].message_count if name in merged else 0
            merged[name] = BagTopic(
                name, topic.type_name, topic.message_count + count, topic.is_latched)
    return merged
