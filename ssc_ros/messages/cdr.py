"""Write CDR, the byte layout in which ROS 2 middleware sends messages."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.messages.headers import split_stamp

# Encapsulation header of the DDS-XTypes specification, 7.6.3: plain CDR, little-endian.
LITTLE_ENDIAN_HEADER = b'\x00\x01\x00\x00'

_SIZES = {code: struct.calcsize('<' + code) for code in '?BiIfd'}


class CdrWriter:
    """
    Collect the fields of one message.

    Numbers are aligned to their size, counted from the end of the encapsulation header (CORBA
    3.0, 15.3.1).
    """

    def __init__(self) -> None:
        self._chunks: list[bytes | memoryview] = [LITTLE_ENDIAN_HEADER]
        self._length = 0
        self._paddings: list[slice] = []

    def numbers(self, code: str, *values: float) -> None:
        """Write numbers of one ``struct`` code, one after the other."""
        self._align(_SIZES[code])
        self._append(struct.pack(f'<{len(values)}{code}', *values))

    def string(self, text: str) -> None:
        """Write a string: its length with the closing zero, UTF-8, zero."""
        encoded = text.encode() + b'\0'
        self.numbers('I', len(encoded))
        self._append(encoded)

    def header(self, stamp_ns: int, frame_id: str) -> None:
        """Write a std_msgs/Header."""
        self.time(stamp_ns)
        self.string(frame_id)

    def time(self, time_ns: int) -> None:
        """Write a builtin_interfaces/Time or Duration."""
        seconds, nanoseconds = split_stamp(time_ns)
        self.numbers('i', seconds)
        self.numbers('I', nanoseconds)

    def doubles(self, values: NDArray[np.float64]) -> None:
        """Write a sequence of structures of doubles, one per row of (N, M) values."""
        self.numbers('I', len(values))
        if len(values):
            self._align(8)
            self._append(_raw(np.ascontiguousarray(values, '<f8')))

    def floats(self, values: NDArray[np.float32]) -> None:
        """Write a sequence of structures of floats, one per row of (N, M) values."""
        self.numbers('I', len(values))
        self._append(_raw(np.ascontiguousarray(values, '<f4')))

    def octets(self, values: NDArray[Any]) -> None:
        """Write a sequence of bytes: the memory of an array."""
        data = _raw(np.ascontiguousarray(values))
        self.numbers('I', len(data))
        self._append(data)

    def append(self, other: CdrWriter) -> None:
        """Write what another writer holds; its fields must need no more than 4-byte alignment."""
        self._align(4)
        start = self._length
        self._paddings += [
            slice(start + padding.start, start + padding.stop) for padding in other._paddings]
        self._append(b''.join(other._chunks[1:]))

    def to_bytes(self) -> bytes:
        """Return the message; padding is zero."""
        return b''.join(self._chunks)

    def equals(self, serialized: bytes) -> bool:
        """Compare with the bytes of another serialiser, which may leave anything in padding."""
        expected, written = bytearray(serialized), bytearray(self.to_bytes())
        for padding in self._paddings:
            expected[padding] = written[padding]
        return expected == written

    def _align(self, size: int) -> None:
        count = -self._length % size
        if count:
            start = len(LITTLE_ENDIAN_HEADER) + self._length
            self._paddings.append(slice(start, start + count))
            self._append(bytes(count))

    def _append(self, chunk: bytes | memoryview) -> None:
        self._chunks.append(chunk)
        self._length += len(chunk)


@dataclass(frozen=True, slots=True)
class CdrEncoding:
    """
    Two ways of making one kind of large message.

    Attributes:
        write: writes what the message is made of to CDR, which takes a fraction of the time.
        build: makes the same message as an object.
        sample: returns arguments of both that exercise all alignments.
    """

    write: Callable[..., CdrWriter]
    build: Callable[..., Any]
    sample: Callable[[], tuple[Any, ...]]

    def encode(self, *values: Any) -> bytes:
        """Return the message as CDR, for ``Publisher.publish``."""
        return self.write(*values).to_bytes()

    def fastest(self, serialize: Callable[[Any], bytes]) -> Callable[..., Any]:
        """
        Return the fastest way that the running middleware understands.

        Args:
            serialize: ``rclpy.serialization.serialize_message``; its bytes decide.

        Returns:
            ``encode`` where it writes the same bytes, else ``build``.
        """
        sample = self.sample()
        is_plain_cdr = self.write(*sample).equals(serialize(self.build(*sample)))
        return self.encode if is_plain_cdr else self.build


def _raw(values: NDArray[Any]) -> memoryview:
    return values.reshape(-1).view(np.uint8).data
