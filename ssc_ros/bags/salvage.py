"""
Read what is left in a damaged bag file: cut in the middle, or its recorder was killed.

An mcap file keeps its index at the end, so that one that was cut has none and is read record by
record from the front (MCAP specification, version 0). A cut sqlite3 file is read row by row.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ssc_ros.errors import DataError

MCAP_MAGIC = b'\x89MCAP0\r\n'
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
_MESSAGE_HEADER = struct.Struct('<HIQQ')  # channel, sequence, log time, publish time
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_CHUNK_HEADER = struct.Struct('<QQQI')  # start, end, uncompressed size, checksum


class RawMessage(NamedTuple):
    """One message as stored: CDR bytes, bag time in ns, and how its type is defined."""

    topic: str
    type_name: str
    time_ns: int
    data: bytes
    definition: str = ''


def salvage(path: Path) -> Iterator[RawMessage]:
    """
    Yield every message that is still whole, in the order of the file.

    Raises:
        DataError: the file is neither an mcap nor an sqlite3 bag.
    """
    if path.suffix == '.mcap':
        return salvage_mcap(path)
    if path.suffix == '.db3':
        return salvage_sqlite3(path)
    raise DataError(f'{path} is no bag file: expected .mcap or .db3')


def plain_cdr(data: bytes) -> bytes:
    """
    Undo the compression of single messages, which only a lost metadata.yaml would tell.

    CDR begins with a zero byte, so that nothing else begins like a zstd frame.
    """
    return bytes(_zstd().decompress(data)) if data[:4] == _ZSTD_MAGIC else data


def salvage_mcap(path: Path) -> Iterator[RawMessage]:
    """Yield the whole messages of an mcap file without its index."""
    with path.open('rb') as file:
        if file.read(len(MCAP_MAGIC)) != MCAP_MAGIC:
            raise DataError(f'{path} does not begin like an mcap file: it is no bag')
        yield from _McapScanner().messages(file)


class _McapScanner:
    """Walks over records and remembers schemas and channels."""

    def __init__(self) -> None:
        self._schemas: dict[int, tuple[str, str]] = {}
        self._channels: dict[int, tuple[str, str, str]] = {}

    def messages(self, file: BinaryIO) -> Iterator[RawMessage]:
        while (record := _read_record(file)) is not None:
            kind, content, is_whole = record
            if kind == _CHUNK:
                yield from self.messages(BytesIO(_chunk_records(content)))
            elif not is_whole or kind == _DATA_END:
                return
            elif kind == _MESSAGE:
                message = self._message(content)
                if message is not None:
                    yield message
            elif kind == _SCHEMA:
                self._add_schema(_Fields(content))
            elif kind == _CHANNEL:
                self._add_channel(_Fields(content))

    def _add_schema(self, fields: _Fields) -> None:
        schema = fields.number('<H')
        name, encoding, text = fields.text(), fields.text(), fields.text()
        # Only the texts of .msg files are understood later.
        self._schemas[schema] = name, text if encoding == 'ros2msg' else ''

    def _add_channel(self, fields: _Fields) -> None:
        channel, schema = fields.number('<H'), fields.number('<H')
        type_name, definition = self._schemas.get(schema, ('', ''))
        self._channels[channel] = fields.text(), type_name, definition

    def _message(self, content: bytes) -> RawMessage | None:
        channel, _, time_ns, _ = _MESSAGE_HEADER.unpack_from(content)
        if channel not in self._channels:
            return None
        topic, type_name, definition = self._channels[channel]
        return RawMessage(topic, type_name, time_ns, content[_MESSAGE_HEADER.size:], definition)


class _Fields:
    """Reads the fields of a record in order."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._offset = 0

    def number(self, code: str) -> int:
        value: int = struct.unpack_from(code, self._content, self._offset)[0]
        self._offset += struct.calcsize(code)
        return value

    def text(self) -> str:
        return self.rest(self.number('<I')).decode(errors='replace')

    def rest(self, length: int) -> bytes:
        start, self._offset = self._offset, self._offset + length
        return self._content[start:self._offset]


def _read_record(file: BinaryIO) -> tuple[int, bytes, bool] | None:
    """Return opcode, content and whether it is whole; None at the end."""
    head = file.read(9)
    if len(head) < 9:
        return None
    kind, length = struct.unpack('<BQ', head)
    # A corrupt length may be absurd; reading stops at the end of the file anyway.
    content = file.read(min(length, 1 << 40))
    return kind, content, len(content) == length


def _chunk_records(content: bytes) -> bytes:
    """Return the records of a chunk, as many as its beginning yields when it is cut."""
    if len(content) < _CHUNK_HEADER.size + 4:
        return b''
    fields = _Fields(content)
    fields.rest(_CHUNK_HEADER.size)
    compression = fields.text()
    if len(content) < _CHUNK_HEADER.size + 4 + len(compression) + 8:
        return b''
    records = fields.rest(fields.number('<Q'))
    return _decompress_beginning(records, compression)


def _decompress_beginning(data: bytes, compression: str) -> bytes:
    if not compression:
        return data
    decompressor = _decompressor(compression)
    pieces = []
    try:
        for start in range(0, len(data), 1 << 14):  # what precedes a damaged byte comes out
            pieces.append(decompressor.decompress(data[start:start + (1 << 14)]))
    except (EOFError, RuntimeError, ValueError, _zstd().ZstdError):
        pass
    return b''.join(pieces)


def _decompressor(compression: str) -> Any:
    if compression == 'zstd':
        return _zstd().ZstdDecompressor()
    if compression == 'lz4':
        return import_module('lz4.frame').LZ4FrameDecompressor()
    raise DataError(f'mcap compression {compression!r} is unknown, expected zstd or lz4')


def _zstd() -> Any:
    """Return the zstd module of Python 3.14 or its backport, which comes with rosbags."""
    try:
        return import_module('compression.zstd')
    except ImportError:
        return import_module('backports.zstd')


def salvage_sqlite3(path: Path) -> Iterator[RawMessage]:
    """Yield the rows of an sqlite3 bag until the first one that cannot be read."""
    uri = f'{path.absolute().as_uri()}?mode=ro'
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            # Without it SQLite refuses any file that is shorter than its header says.
            database.execute('PRAGMA writable_schema = ON')
            topics = {row[0]: (row[1], row[2]) for row in database.execute(
                'SELECT id, name, type FROM topics')}
            rows = database.execute('SELECT topic_id, timestamp, data FROM messages')
            for topic_id, time_ns, data in _until_damaged(rows):
                if topic_id in topics:
                    yield RawMessage(*topics[topic_id], time_ns, data)
    except sqlite3.DatabaseError as error:
        raise DataError(
            f'{path} holds no readable bag ({error}): record or copy it again') from error


def _until_damaged(rows: sqlite3.Cursor) -> Iterator[tuple[int, int, bytes]]:
    while True:
        try:
            row = rows.fetchone()
        except sqlite3.DatabaseError:
            return
        if row is None:
            return
        yield row
