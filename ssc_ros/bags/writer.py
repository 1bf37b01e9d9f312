"""Write rosbag2 bags."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from ssc_ros.bags.parts import is_bag
from ssc_ros.bags.typestore import (
    full_type_name,
    is_known,
    require_rosbags,
    serialize,
    typestore,
)
from ssc_ros.errors import ConfigurationError, DataError

STORAGES = ('mcap', 'sqlite3')
_FORMAT_VERSION = 8  # later ones write quality of service in a way that Humble cannot read


class BagWriter:
    """
    A bag being written; ``with`` closes it, also after an error, so that nothing is lost.

    Args:
        path: folder of the bag.
        storage: ``mcap`` or ``sqlite3``.
        compress: zstd chunks in mcap, zstd messages in sqlite3; ``ros2 bag`` reads both.
        overwrite: replace a bag that is already there.

    Raises:
        DataError: something is already at ``path``.
    """

    def __init__(
        self, path: Path | str, *, storage: str = 'mcap', compress: bool = False,
        overwrite: bool = False,
    ) -> None:
        require_rosbags()
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

        if storage not in STORAGES:
            raise ConfigurationError(
                f'bag storage {storage!r} is unknown: choose one of {", ".join(STORAGES)}')
        self.path = Path(path)
        _make_room(self.path, overwrite)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = Writer(
            self.path, version=_FORMAT_VERSION, storage_plugin=StoragePlugin[storage.upper()])
        if compress:
            mode = CompressionMode.STORAGE if storage == 'mcap' else CompressionMode.MESSAGE
            self._writer.set_compression(mode, CompressionFormat.ZSTD)
        self._writer.open()
        self._connections: dict[str, Any] = {}
        self.message_count = 0

    def write(self, topic: str, time_ns: int, message: Any) -> None:
        """Append a message made by ``ssc_ros.bags.typestore`` or ``.builders``."""
        self.write_raw(topic, message.__msgtype__, time_ns, serialize(message))

    def write_raw(self, topic: str, type_name: str, time_ns: int, data: bytes) -> None:
        """
        Append the CDR bytes of a message.

        Raises:
            DataError: ROS 2 itself does not define the type.
        """
        if topic not in self._connections:
            if not is_known(type_name):
                raise DataError(
                    f'{topic} is a {type_name}, whose definition is not known here: use '
                    '`ros2 bag record` for it')
            self._connections[topic] = self._writer.add_connection(
                topic, full_type_name(type_name), typestore=typestore())
        self._writer.write(self._connections[topic], time_ns, data)
        self.message_count += 1

    def close(self) -> None:
        """Write index and metadata.yaml."""
        if self._writer.storage is not None:
            self._writer.close()

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _make_room(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not (overwrite and is_bag(path)):
        raise DataError(f'{path} exists already: choose another folder or remove it')
    shutil.rmtree(path)
