"""Read rosbag2 bags: what topics they hold, and their messages in time order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from ssc_ros.bags.salvage import RawMessage, plain_cdr, salvage
from ssc_ros.bags.typestore import deserialize, full_type_name, require_rosbags
from ssc_ros.errors import DataError

NANOSECONDS_PER_SECOND = 1_000_000_000
_BAG_SUFFIXES = ('.mcap', '.db3')


@dataclass(frozen=True, slots=True)
class BagTopic:
    """
    One topic of a bag.

    Attributes:
        is_latched: it was published transient local, so that late joiners get the last message.
    """

    name: str
    type_name: str
    message_count: int
    is_latched: bool = False


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


class _Part(Protocol):
    """One file or folder of a bag."""

    topics: dict[str, BagTopic]
    start_ns: int
    end_ns: int
    damage: str

    def messages(self, topics: Collection[str], start_ns: int) -> Iterator[RawMessage]: ...

    def close(self) -> None: ...


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
        self._parts = _open_parts(self.path)
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


def is_bag(path: Path) -> bool:
    """Tell whether ``path`` looks like a bag: a bag file, or a folder that holds one."""
    if path.is_file():
        return path.suffix in _BAG_SUFFIXES
    return path.is_dir() and bool(_bag_files(path) or (path / 'metadata.yaml').is_file())


def _bag_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _BAG_SUFFIXES)


def _open_parts(path: Path) -> list[_Part]:
    if not path.exists():
        raise DataError(f'{path} does not exist: give the folder of a rosbag2 bag')
    if not is_bag(path):
        raise DataError(f'{path} is no rosbag2 bag: expected a folder with metadata.yaml and '
                        '.mcap or .db3 files, or one such file')
    try:
        return [_WholePart(path)]
    except DataError as error:
        files = [path] if path.is_file() else _bag_files(path)
        if not files:
            raise
        parts = [_open_file(file) for file in files]
        readable = [part for part in parts if part.topics]
        if not readable:
            raise DataError(f'nothing in {path} can be read: {error}') from error
        if not readable[0].damage:
            readable[0].damage = str(error)
        return readable


def _open_file(file: Path) -> _Part:
    try:
        return _WholePart(file)
    except DataError as error:
        return _SalvagedPart(file, str(error))


class _WholePart:
    """A bag whose index is in order, read by the rosbags library."""

    def __init__(self, path: Path) -> None:
        from rosbags.rosbag2 import Reader

        self.damage = ''
        self._path = path
        try:
            self._reader = Reader(path)
            self._reader.open()
        except Exception as error:  # rosbags passes on whatever its parsers raise
            raise DataError(f'{path.name}: {error}') from error
        self.start_ns: int = self._reader.start_time
        self.end_ns: int = max(self.start_ns, self._reader.end_time - 1)
        self.topics: dict[str, BagTopic] = {
            name: BagTopic(
                name, full_type_name(info.connections[0].msgtype), info.msgcount,
                any(_is_latched(connection) for connection in info.connections))
            for name, info in self._reader.topics.items()}

    def messages(self, topics: Collection[str], start_ns: int) -> Iterator[RawMessage]:
        connections = [c for c in self._reader.connections if c.topic in topics]
        if not connections:
            return
        try:
            for connection, time_ns, data in self._reader.messages(connections, start=start_ns):
                yield RawMessage(
                    connection.topic, connection.msgtype, time_ns, data,
                    _definition(connection))
        except Exception as error:  # a damaged chunk in the middle of the file
            raise DataError(
                f'{self._path} is damaged ({error}); what came before was used') from error

    def close(self) -> None:
        if self._reader.is_open:
            self._reader.close()


def _is_latched(connection: Any) -> bool:
    return any(qos.durability.name == 'TRANSIENT_LOCAL'
               for qos in connection.ext.offered_qos_profiles)


def _definition(connection: Any) -> str:
    definition = connection.msgdef
    return definition.data if definition.format.name == 'MSG' else ''


class _SalvagedPart:
    """A damaged file, read from its beginning each time."""

    def __init__(self, path: Path, reason: str) -> None:
        self.damage = reason
        self._path = path
        counts: dict[tuple[str, str], int] = {}
        times = []
        try:
            for message in salvage(path):
                key = message.topic, full_type_name(message.type_name)
                counts[key] = counts.get(key, 0) + 1
                times.append(message.time_ns)
        except DataError as error:
            self.damage = str(error)
        self.start_ns, self.end_ns = (min(times), max(times)) if times else (0, 0)
        self.topics = {name: BagTopic(name, kind, n) for (name, kind), n in counts.items()}

    def messages(self, topics: Collection[str], start_ns: int) -> Iterator[RawMessage]:
        for message in salvage(self._path):
            if message.topic in topics and message.time_ns >= start_ns:
                yield message

    def close(self) -> None:
        """Nothing stays open."""


def _merged_topics(parts: list[_Part]) -> dict[str, BagTopic]:
    merged: dict[str, BagTopic] = {}
    for part in parts:
        for name, topic in part.topics.items():
            count = merged[name].message_count if name in merged else 0
            merged[name] = BagTopic(
                name, topic.type_name, topic.message_count + count, topic.is_latched)
    return merged
