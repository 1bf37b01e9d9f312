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

# 11 groups hold 33 bits, more than any count or 17-bit difference of a valid stream needs.
_MAX_GROUPS = 11


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
    is_measured, positions = _split_runs(integers := _read_integers(data), num_pixels)
    zigzag = integers[positions]
    differences = (zigzag >> 1) ^ -(zigzag & 1)
    image = np.zeros(num_pixels, np.uint16)
    image[is_measured] = np.cumsum(differences).astype(np.uint16)
    return image.reshape(shape)


def _read_integers(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    words = data[:len(data) // 4 * 4].view('<u4')
    nibbles = (words[:, None] >> np.arange(28, -1, -4, dtype=np.uint32) & 15).reshape(-1)
    ends = np.flatnonzero(nibbles < 8)  # the last group of an integer has no continuation bit
    if not len(ends):
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() >= _MAX_GROUPS:
        raise _corrupt('an integer is too long')
    group = np.arange(ends[-1] + 1) - np.repeat(starts, ends - starts + 1)
    values = (nibbles[:ends[-1] + 1] & 7).astype(np.int64) << 3 * group
    return np.add.reduceat(values, starts)


def _split_runs(
    integers: NDArray[np.int64], num_pixels: int,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the mask of non-zero pixels, and where in ``integers`` their differences are."""
    is_measured = np.zeros(num_pixels, np.bool_)
    is_difference = np.zeros(len(integers), np.bool_)
    pixel = position = 0
    while pixel < num_pixels:
        if position + 2 > len(integers):
            raise _corrupt(f'it ends at pixel {pixel} of {num_pixels}')
        num_zeros, num_values = int(integers[position]), int(integers[position + 1])
        start, position = pixel + num_zeros, position + 2
        pixel = start + num_values
        if pixel > num_pixels or position + num_values > len(integers):
            raise _corrupt(f'a run leads to pixel {pixel} of {num_pixels}')
        if not num_zeros and not num_values:
            raise _corrupt(f'it stands still at pixel {pixel} of {num_pixels}')
        is_measured[start:pixel] = True
        is_difference[position:position + num_values] = True
        position += num_values
    return is_measured, np.flatnonzero(is_difference)


def _corrupt(reason: str) -> MessageError:
    return MessageError(
        f'the RVL depth stream is truncated or corrupt ({reason}), expected a whole frame of '
        'compressed_depth_image_transport: check the network for losses')
