"""Depth images as REP-118 has them: to float32 metres with 0 = missing, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.messages.images import decode_image, encode_image

MILLIMETRES_PER_METRE = 1000
_ENCODINGS = ('16UC1', 'mono16', '32FC1')


def decode_depth(msg: Any) -> NDArray[np.float32]:
    """
    Return a depth image as (H, W) float32 metres along the optical axis, 0 = missing.

    The encoding decides the unit (REP-118): 16UC1 (or mono16) millimetres, 32FC1 metres.

    Raises:
        MessageError: malformed message or an encoding that holds no depth.
    """
    if msg.encoding not in _ENCODINGS:
        raise MessageError(
            f'image encoding {msg.encoding!r} holds no depth, expected 16UC1 (millimetres) or '
            '32FC1 (metres) as in REP-118: check the remapping of the depth topic')
    return depth_in_metres(decode_image(msg))


def encode_depth(depth_m: NDArray[np.float32], header: Any, encoding: str = '32FC1') -> Any:
    """
    Return a sensor_msgs/Image from (H, W) float32 metres, 0 = missing.

    Args:
        depth_m: (H, W) float32.
        header: std_msgs/Header.
        encoding: 32FC1 (missing becomes NaN) or 16UC1 (missing stays 0).
    """
    if encoding == '16UC1':
        return encode_image(depth_in_millimetres(depth_m), encoding, header)
    if encoding == '32FC1':
        clean = depth_in_metres(depth_m)
        return encode_image(np.where(clean > 0, clean, np.float32(np.nan)), encoding, header)
    raise MessageError(f'depth encoding {encoding!r} is not 16UC1 or 32FC1: use one of the two')


def depth_in_metres(depth: NDArray[Any]) -> NDArray[np.float32]:
    """
    Return measured depths in float32 metres, everything else 0.

    Args:
        depth: uint16 millimetres (0 = missing), or floating metres, where NaN, infinities
            (REP-117), zero and negative values mean missing.

    >>> depth_in_metres(np.array([0, 1500], np.uint16)).tolist()
    [0.0, 1.5]
    """
    if depth.dtype == np.uint16:
        return depth.astype(np.float32) / np.float32(MILLIMETRES_PER_METRE)
    if depth.dtype.kind != 'f':
        raise MessageError(
            f'depth is {depth.dtype}, expected uint16 millimetres or floating metres: convert it')
    # A comparison with NaN is false, so that NaN drops out here too.
    is_measured = (depth > 0) & (depth < np.inf)
    return np.where(is_measured, depth, 0).astype(np.float32, copy=False)


def depth_in_millimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return uint16 millimetres; what is missing or beyond 65.535 m becomes 0 = missing."""
    millimetres = np.rint(depth_in_metres(depth_m) * MILLIMETRES_PER_METRE)
    in_range = millimetres <= np.iinfo(np.uint16).max
    return np.where(in_range, millimetres, 0).astype(np.uint16)
