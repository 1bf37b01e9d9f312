"""The files of a bag, whole or damaged, behind one interface."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ssc_ros.bags.salvage import RawMessage, salvage
from ssc_ros.bags.typestore import full_type_name
from ssc_ros.errors import DataError

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


class BagPart(Protocol):
    """One file or folder of a bag."""

    topics: dict[str, BagTopic]
    start_ns: int
    end_ns: int
    damage: str

    def messages(self, topics: Collection[str], start_ns: int) -> Iterator[RawMessage]: ...

    def close(self) -> None: ...


def is_bag(path: Path) -> bool:
    """Tell whether ``path`` looks like a bag: a bag file, or a folder that holds one."""
    if path.is_file():
        return path.suffix in _BAG_SUFFIXES
    return path.is_dir() and bool(_bag_files(path) or (path / 'metadata.yaml').is_file())


def _bag_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _BAG_SUFFIXES)


def open_parts(path: Path) -> list[BagPart]:
    """
    Open a bag folder or a single bag file; what is damaged is salvaged.

    Raises:
        DataError: there is no bag at ``path``, or nothing in it is readable.
    """
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


def _open_file(file: Path) -> BagPart:
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
