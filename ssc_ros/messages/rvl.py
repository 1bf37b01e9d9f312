"""
Decode RVL, the run-length code of depth images in compressedDepth topics.

Wilson, "Fast Lossless Depth Image Compression", ISS 2017: a stream of variable-length integers in
nibbles (three bits of value, least significant group first, and a continuation bit), eight nibbles
per 32-bit word, the first in the highest bits. The integers are a count of zeros, a count of
non-zeros, the non-zeros as zigzag differences to the non-zero before, and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError

# 10 groups hold 30 bits, more than any count or 17-bit difference of a valid stream needs.
_MAX_GROUPS = 10


def decode_rvl(data: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint16]:
    """
    Return the (H, W) uint16 image of an RVL stream.

    Args:
        data: the stream, whole little-endian 32-bit words; incomplete last words are ignored.
        shape: (H, W) of the image.

    Raises:
        MessageError: the stream is truncated or corrupt.
    """
    num_pixels = shape[0] * shape[1]
    integers = _read_integers(data)
    is_measured, is_difference = _split_runs(integers, num_pixels)
    zigzag = integers[is_difference]
    differences = (zigzag >> 1) ^ -(zigzag & 1)
    image = np.zeros(num_pixels, np.uint16)
    image[is_measured] = np.cumsum(differences).astype(np.uint16)
    return image.reshape(shape)


def _read_integers(data: NDArray[np.uint8]) -> NDArray[np.int32]:
    # Most significant byte first, the nibbles of a word are in the order of the stream.
    octets = data[:len(data) // 4 * 4].reshape(-1, 4)[:, ::-1].reshape(-1)
    nibbles = np.stack([octets >> 4, octets & 15], axis=1).reshape(-1)
    ends = np.flatnonzero(nibbles < 8)  # the last group of an integer has no continuation bit
    starts = np.concatenate([[0], ends + 1])[:-1]
    lengths = ends - starts + 1
    if lengths.max(initial=0) > _MAX_GROUPS:
        raise _corrupt('an integer is too long')
    integers = np.zeros(len(ends), np.int32)
    for group in range(lengths.max(initial=0)):
        has_group = np.flatnonzero(lengths > group)
        values = nibbles[starts[has_group] + group].astype(np.int32) & 7
        integers[has_group] |= values << 3 * group
    return integers


def _split_runs(
    integers: NDArray[np.int32], num_pixels: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pixels are not zero, and which of ``integers`` are their differences."""
    values = integers.tolist()
    pixel_runs: list[int] = []  # zeros, non-zeros, zeros, ...
    integer_runs: list[int] = []  # the two counts, differences, the two counts, ...
    pixel = position = 0
    while pixel < num_pixels:
        if position + 2 > len(values):
            raise _corrupt(f'it ends at pixel {pixel} of {num_pixels}')
        num_zeros, num_measured = values[position:position + 2]
        if not num_zeros and not num_measured:
            raise _corrupt(f'it stands still at pixel {pixel} of {num_pixels}')
        pixel += num_zeros + num_measured
        position += 2 + num_measured
        pixel_runs += num_zeros, num_measured
        integer_runs += 2, num_measured
    if pixel > num_pixels or position > len(values):
        raise _corrupt(f'the last run leads to pixel {pixel} of {num_pixels}')
    alternating = np.arange(len(pixel_runs)) % 2 == 1
    is_difference = np.zeros(len(values), np.bool_)
    is_difference[:position] = np.repeat(alternating, integer_runs)
    return np.repeat(alternating, pixel_runs), is_difference


def _corrupt(reason: str) -> MessageError:
    return MessageError(
        f'the RVL depth stream is truncated or corrupt ({reason}), expected a whole frame of '
        'compressed_depth_image_transport: check the network for losses')
