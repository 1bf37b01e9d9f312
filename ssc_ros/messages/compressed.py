"""JPEG and PNG pictures in sensor_msgs/CompressedImage, to arrays and back."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.messages.classes import as_bytes, byte_array, new_message

JPEG_START, JPEG_SCAN, JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
PNG_START = b'\x89PNG\r\n\x1a\n'
MAX_PIXELS = 1 << 26
"""Larger pictures are refused before memory is reserved for them: a header may be corrupt."""
JPEG_PIXELS_PER_BYTE = 1000
"""A JPEG spends at least a bit on each block, 6 of 256 pixels: no byte holds more than 341."""


def decode_compressed_color(msg: Any) -> NDArray[np.uint8]:
    """
    Return a JPEG or PNG CompressedImage as (H, W, 3) uint8 RGB.

    Raises:
        MessageError: empty, truncated or corrupt data, another format, or a depth topic.
    """
    if 'compressedDepth' in msg.format:
        raise MessageError(
            f'compressed format {msg.format!r} is a depth image, expected jpeg or png: '
            'check the remapping of the image topics')
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = decode_picture(as_bytes(msg.data), flags, msg.format)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def decode_compressed_label(msg: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """
    Return a PNG CompressedImage of class ids as (H, W) uint8 or uint16.

    Raises:
        MessageError: as decode_compressed_color(), or a lossy or coloured picture.
    """
    data = as_bytes(msg.data)
    if data[:2].tobytes() == JPEG_START:
        raise MessageError(
            f'compressed format {msg.format!r} is lossy and cannot hold class ids, expected png: '
            'set the format parameter of the compressed transport to png')
    pixels = decode_picture(data, cv2.IMREAD_UNCHANGED, msg.format)
    if pixels.ndim != 2:
        raise MessageError(
            f'label image has {pixels.shape[2]} channels, expected one: '
            'subscribe to the label image, not to its coloured view')
    return pixels


def jpeg_bytes(rgb: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Return an (H, W, 3) uint8 RGB or (H, W) grey picture as JPEG; quality 1 to 100."""
    return _encode_picture('.jpg', rgb, [int(cv2.IMWRITE_JPEG_QUALITY), quality])


def png_bytes(pixels: NDArray[Any], compression: int = 3) -> bytes:
    """Return (H, W, 3) RGB or (H, W) grey pixels, uint8 or uint16, as PNG; compression 0 to 9."""
    return _encode_picture('.png', pixels, [int(cv2.IMWRITE_PNG_COMPRESSION), compression])


def encode_compressed_image(
    pixels: NDArray[Any], header: Any, *, codec: str = 'jpeg', quality: int = 90,
) -> Any:
    """
    Return a sensor_msgs/CompressedImage of (H, W, 3) uint8 RGB or (H, W) grey pixels.

    Args:
        pixels: the picture; class ids need ``codec='png'``.
        header: std_msgs/Header.
        codec: ``'jpeg'`` or ``'png'``.
        quality: of JPEG, 1 to 100.
    """
    if codec not in ('jpeg', 'png'):
        raise MessageError(f'image codec {codec!r} is not jpeg or png: use one of the two')
    payload = jpeg_bytes(pixels, quality) if codec == 'jpeg' else png_bytes(pixels)
    return new_message(
        'sensor_msgs/CompressedImage', header=header, data=byte_array(payload),
        format=compressed_format(pixels, codec))


def compressed_format(pixels: NDArray[Any], codec: str) -> str:
    """Return the ``format`` text that compressed_image_transport writes for such a picture."""
    bits = 8 * pixels.dtype.itemsize
    if pixels.ndim == 2:
        return f'mono{bits}; {codec} compressed '
    return f'rgb{bits}; {codec} compressed bgr{bits}'


def decode_picture(
    data: NDArray[np.uint8], flags: int, name: str, *, max_pixels: int = MAX_PIXELS,
) -> NDArray[Any]:
    """Return the pixels of a whole JPEG or PNG file as cv2.imdecode() with ``flags`` does."""
    _check_picture(data.tobytes(), name, max_pixels)
    try:
        pixels = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise truncated_picture(name, f'OpenCV: {error.err}') from error
    if pixels is None:
        raise truncated_picture(name, f'OpenCV cannot decode these {len(data)} bytes')
    return np.asarray(pixels)


def _check_picture(data: bytes, name: str, max_pixels: int) -> None:
    """Refuse what OpenCV would fill with grey (truncated files) or reserve gigabytes for."""
    if data.startswith(PNG_START):
        width, height = struct.unpack_from('>II', data.ljust(24, b'\0'), 16)
        is_whole = _holds_whole_png(data)
    elif data.startswith(JPEG_START):
        width, height = _jpeg_size(data)
        max_pixels = min(max_pixels, JPEG_PIXELS_PER_BYTE * len(data))
        # Inside a scan 0xff is always followed by 0, so that the end mark is unique there.
        is_whole = data.rfind(JPEG_END) > data.rfind(JPEG_SCAN) > 0
    else:
        raise MessageError(
            f'compressed image of format {name!r} begins with {data[:8].hex() or "nothing"}, '
            'expected a JPEG or PNG file: set the transport of the camera to one of them')
    if not is_whole:
        raise truncated_picture(name, f'no end mark in {len(data)} bytes')
    if not 0 < width * height <= max_pixels:
        raise truncated_picture(name, f'its header says {width}x{height} pixels')


def _holds_whole_png(data: bytes) -> bool:
    """Walk over the chunks: OpenCV reserves what the length of one says before it looks."""
    position = len(PNG_START)
    while position + 12 <= len(data):
        length = struct.unpack_from('>I', data, position)[0]
        if data[position + 4:position + 8] == b'IEND':
            return bool(length == 0)
        position += 12 + int(length)
    return False


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height of the frame header (ITU-T T.81, B.2.2), zeros if there is none."""
    position = len(JPEG_START)
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from('>HH', data, position + 5)
            return width, height
        # 0xff may be repeated before a marker; segments carry their length.
        segment = struct.unpack_from('>H', data, position + 2)[0] + 2
        position += 1 if marker == 0xFF else segment
    return 0, 0


def _encode_picture(extension: str, pixels: NDArray[Any], options: list[int]) -> bytes:
    is_color = pixels.ndim == 3
    try:
        if is_color:
            pixels = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR)
        done, data = cv2.imencode(extension, pixels, options)
    except cv2.error as error:
        raise MessageError(
            f'cannot write {pixels.shape} {pixels.dtype} as {extension[1:]} ({error.err}): pass '
            '(H, W, 3) RGB or (H, W) grey of uint8 (png: or uint16)') from error
    if not done:
        raise MessageError(f'OpenCV cannot write {extension[1:]}: check its installation')
    return bytes(data.tobytes())


def truncated_picture(name: str, reason: str) -> MessageError:
    """Return the error for data that are no whole picture."""
    return MessageError(
        f'compressed image of format {name!r} is truncated or corrupt ({reason}), expected a '
        'whole picture: check the publisher and the network for losses')
