"""The compressedDepth transport in sensor_msgs/CompressedImage, to metres and back."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.messages.classes import as_bytes, byte_array, new_message
from ssc_ros.messages.compressed import decode_picture, png_bytes, truncated_picture
from ssc_ros.messages.depth import depth_in_metres
from ssc_ros.messages.rvl import decode_rvl

# ConfigHeader of compressed_depth_image_transport: int32 format, float32 quantisation A and B.
_DEPTH_HEADER = struct.Struct('<iff')
_RVL_SIZE = struct.Struct('<II')
MAX_DEPTH_PIXELS = 1 << 23
"""Larger depth images are refused: a few damaged bytes of RVL could cost seconds of a core."""


def decode_compressed_depth(msg: Any) -> NDArray[np.float32]:
    """
    Return a compressedDepth CompressedImage as (H, W) float32 metres, 0 = missing.

    Reads 16UC1 (millimetres) and 32FC1 (quantised inverse depth), each as PNG or RVL.

    Raises:
        MessageError: another format, or truncated or corrupt data.
    """
    encoding, _, transport = (part.strip() for part in msg.format.partition(';'))
    if not transport.startswith('compressedDepth') or encoding not in ('16UC1', '32FC1'):
        raise MessageError(
            f'compressed format {msg.format!r} is not "16UC1; compressedDepth..." or '
            '"32FC1; compressedDepth...": subscribe to the compressedDepth topic of the camera')
    data = as_bytes(msg.data)
    if len(data) <= _DEPTH_HEADER.size:
        raise truncated_picture(msg.format, f'{len(data)} bytes came')
    _, quantization_a, quantization_b = _DEPTH_HEADER.unpack_from(data.data)
    values = _decode_depth_values(data[_DEPTH_HEADER.size:], msg.format)
    if encoding == '16UC1':
        return depth_in_metres(values)
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        depth_m = np.float32(quantization_a) / (values - np.float32(quantization_b))
    return depth_in_metres(np.where(values > 0, depth_m, np.float32(0)).astype(np.float32))


def compressed_depth_bytes(
    depth: NDArray[Any], *, max_depth_m: float = 10.0, quantization: float = 100.0,
) -> bytes:
    """
    Return the payload of a compressedDepth message: the 12-byte header and a PNG.

    Args:
        depth: (H, W) uint16 millimetres, kept exactly, or (H, W) float32 metres, quantised as
            compressed_depth_image_transport does: finely near the camera, coarsely far from it.
        max_depth_m: floats beyond become missing.
        quantization: depth resolution, as ``depth_quantization`` of the transport.
    """
    if depth.dtype == np.uint16:
        return _DEPTH_HEADER.pack(0, 0.0, 0.0) + png_bytes(depth)
    quantization_a = np.float32(quantization * (quantization + 1))
    quantization_b = np.float32(1 - quantization_a / np.float32(max_depth_m))
    depth_m = depth_in_metres(depth)
    is_kept = (depth_m > 0) & (depth_m < max_depth_m)
    inverse = quantization_a / np.where(is_kept, depth_m, 1) + quantization_b
    # Closer than the 16 bits reach (quantization^2 / 65535 m, 16 cm by default): missing.
    is_kept &= inverse <= np.iinfo(np.uint16).max
    values = np.where(is_kept, np.rint(inverse), 0).astype(np.uint16)
    return _DEPTH_HEADER.pack(0, quantization_a, quantization_b) + png_bytes(values)


def encode_compressed_depth(depth: NDArray[Any], header: Any) -> Any:
    """Return a compressedDepth CompressedImage (PNG) as compressed_depth_bytes() describes."""
    encoding = '16UC1' if depth.dtype == np.uint16 else '32FC1'
    return new_message(
        'sensor_msgs/CompressedImage', header=header, format=f'{encoding}; compressedDepth png',
        data=byte_array(compressed_depth_bytes(depth)))


def _decode_depth_values(payload: NDArray[np.uint8], name: str) -> NDArray[np.uint16]:
    if 'rvl' in name:
        if len(payload) < _RVL_SIZE.size:
            raise truncated_picture(name, f'{len(payload)} bytes follow the header')
        width, height = _RVL_SIZE.unpack_from(payload.data)
        if not 0 < width * height <= MAX_DEPTH_PIXELS:
            raise truncated_picture(name, f'its header says {width}x{height} pixels')
        return decode_rvl(payload[_RVL_SIZE.size:], (height, width))
    values = decode_picture(
        payload, cv2.IMREAD_UNCHANGED, name, max_pixels=MAX_DEPTH_PIXELS)
    if values.dtype != np.uint16 or values.ndim != 2:
        raise MessageError(
            f'compressedDepth holds a {values.shape} {values.dtype} picture, expected one channel '
            'of uint16: check the depth encoding of the camera')
    return values
