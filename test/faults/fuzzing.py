"""Broken messages by the thousand: serialised samples with damaged bytes, and wild fields."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

HEADER_BYTES = 160
STAMP_OFFSET = 4
INTERESTING = (0, 1, 2, 7, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000,
               0xFFFFFFFE, 0xFFFFFFFF)
WILD_TEXTS = ('', '\0', 'x' * 300, 'rgb8\0', 'bayer_rggb8', '32FC1', '16UC1', 'mono16', 'rgb8',
              'équidistant', '{0}%s%n', '16UC1; compressedDepth rvl', 'jpeg', '\U0001f916')
WILD_NUMBERS = (0.0, -0.0, 1.0, -1.0, 1e-320, 1e-9, 1e9, 1e155, 1.7e308, -1.7e308,
                float('nan'), float('inf'), float('-inf'))


def damaged_bytes(data: bytes, rng: random.Random, texts: Sequence[int] = ()) -> bytes:
    """
    Return a serialised message with one to four of its bytes, numbers or ends broken.

    Args:
        texts: where lengths of strings stand; they stay below 64 KiB, as the deserialiser of the
            middleware reserves and clears gigabytes before it sees that there are none.
    """
    broken = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        _damage_once(broken, rng)
    for place in texts:
        broken[place + 2:place + 4] = bytes(len(broken[place + 2:place + 4]))
    return bytes(broken)


def text_places(message: Any, data: bytes) -> list[int]:
    """Return where the lengths of the strings of a serialised message stand."""
    texts = [getattr(target, name) for target, name in _leaves(message)]
    return [data.find(struct.pack('<I', len(text.encode()) + 1) + text.encode())
            for text in texts if isinstance(text, str)]


def _damage_once(data: bytearray, rng: random.Random) -> None:
    # Most of a message is pixels: half of the damage goes to where its fields are.
    reach = min(len(data), HEADER_BYTES) if rng.random() < 0.5 else len(data)
    if reach < 16:
        return
    place = rng.randrange(4, reach)
    kind = rng.random()
    if kind < 0.4:
        data[place] ^= 1 << rng.randrange(8)
    elif kind < 0.6:
        data[place] = rng.randrange(256)
    elif kind < 0.8:
        aligned = place // 4 * 4
        data[aligned:aligned + 4] = struct.pack('<I', rng.choice(INTERESTING))
    elif kind < 0.9:
        del data[-rng.randrange(1, len(data) - 12):]
    else:
        end = min(len(data), place + rng.randrange(1, 32))
        data[place:end] = rng.randbytes(end - place)


def wild_message(message: Any, rng: random.Random) -> Any:
    """Set one to three fields of a message, wherever they are nested, to wild values."""
    for _ in range(rng.randint(1, 3)):
        target, name = rng.choice(list(_leaves(message)))
        value = getattr(target, name)
        setattr(target, name, _wild(value, rng))
    return message


def _leaves(message: Any) -> Iterator[tuple[Any, str]]:
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            yield from _leaves(value)
        else:
            yield message, name


def _wild(value: Any, rng: random.Random) -> Any:
    if isinstance(value, str):
        return rng.choice(WILD_TEXTS)
    if isinstance(value, bool):
        return rng.random() < 0.5
    if isinstance(value, int):
        return rng.choice((0, 1, value + 1, max(value - 1, 0), 255))
    if isinstance(value, float):
        return rng.choice(WILD_NUMBERS)
    return _wild_sequence(value, rng)


def _wild_sequence(values: Any, rng: random.Random) -> Any:
    changed = values[:] if not hasattr(values, 'copy') else values.copy()
    if getattr(values, 'typecode', '') == 'B':
        return changed[:rng.randrange(len(values) + 1)]
    if len(changed) and rng.random() < 0.8:
        changed[rng.randrange(len(changed))] = rng.choice(WILD_NUMBERS)
        return changed
    # The length of matrices is fixed, that of distortion coefficients is not.
    return changed[:rng.randrange(len(changed) + 1)] if hasattr(values, 'typecode') else changed


def restamped(data: bytes, stamp_ns: int) -> bytes:
    """Return a serialised message that begins with a header, at another time."""
    stamp = struct.pack('<iI', *divmod(stamp_ns, 1_000_000_000))
    return data[:STAMP_OFFSET] + stamp + data[STAMP_OFFSET + len(stamp):]


def broken_bytes(samples: Sequence[Any], stamps: Iterator[int], seed: int) -> Iterator[bytes]:
    """
    Yield serialised messages of the kind of ``samples``, each with the next stamp before damage.

    Two thirds had their bytes damaged, whether they can still be deserialised or not; one third
    has wild fields.
    """
    from rclpy.serialization import deserialize_message, serialize_message

    rng = random.Random(seed)
    kind = type(samples[0])
    serialized = [bytes(serialize_message(sample)) for sample in samples]
    places = [text_places(sample, data)
              for sample, data in zip(samples, serialized, strict=True)]
    while True:
        chosen = rng.randrange(len(samples))
        data = restamped(serialized[chosen], next(stamps))
        if rng.random() < 0.33:
            with suppress(Exception):  # what no middleware could send
                yield bytes(serialize_message(wild_message(deserialize_message(data, kind), rng)))
        else:
            yield damaged_bytes(data, rng, places[chosen])


def broken_messages(samples: Sequence[Any], count: int, seed: int) -> Iterator[Any]:
    """Yield ``count`` messages of ``broken_bytes`` that a middleware would deliver."""
    from rclpy.serialization import deserialize_message

    kind = type(samples[0])
    stamps = itertools.count(10**12, 50_000_000)
    made = 0
    for data in broken_bytes(samples, stamps, seed):
        if made == count:
            return
        try:
            message = deserialize_message(data, kind)
        except Exception:
            continue  # the middleware would drop it, too
        made += 1
        yield message
