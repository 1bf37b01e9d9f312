"""Uncompressed sensor_msgs/Image to arrays and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.messages.classes import as_bytes, byte_array, new_message
from ssc_ros.messages.cv_bridge_conversion import convert_with_cv_bridge


@dataclass(frozen=True)
class PixelFormat:
    """Type and number of the values of a pixel."""

    dtype: np.dtype[Any]
    channels: int

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel."""
        return self.dtype.itemsize * self.channels


ENCODINGS: Mapping[str, PixelFormat] = MappingProxyType({
    'rgb8': PixelFormat(np.dtype(np.uint8), 3),
    'bgr8': PixelFormat(np.dtype(np.uint8), 3),
    'rgba8': PixelFormat(np.dtype(np.uint8), 4),
    'bgra8': PixelFormat(np.dtype(np.uint8), 4),
    'mono8': PixelFormat(np.dtype(np.uint8), 1),
    '8UC1': PixelFormat(np.dtype(np.uint8), 1),
    'mono16': PixelFormat(np.dtype(np.uint16), 1),
    '16UC1': PixelFormat(np.dtype(np.uint16), 1),
    '32FC1': PixelFormat(np.dtype(np.float32), 1),
})
"""The encodings decoded here; 8UC1 is what OpenCV calls mono8."""

_TO_RGB = {
    'bgr8': cv2.COLOR_BGR2RGB, 'rgba8': cv2.COLOR_RGBA2RGB, 'bgra8': cv2.COLOR_BGRA2RGB,
    'mono8': cv2.COLOR_GRAY2RGB, '8UC1': cv2.COLOR_GRAY2RGB, 'mono16': cv2.COLOR_GRAY2RGB,
}
_TO_MONO = {
    'rgb8': cv2.COLOR_RGB2GRAY, 'bgr8': cv2.COLOR_BGR2GRAY,
    'rgba8': cv2.COLOR_RGBA2GRAY, 'bgra8': cv2.COLOR_BGRA2GRAY,
}
_DEPTH = ('16UC1', '32FC1')
_LABELS = ('mono8', '8UC1', 'mono16', '16UC1')


def decode_image(msg: Any) -> NDArray[Any]:
    """
    Return the pixels of a sensor_msgs/Image as they are, in the byte order of this machine.

    Row padding (``step``) is skipped. The result may share memory with the message and may be
    read-only or strided.

    Returns:
        (H, W) or (H, W, C) array; channels in the order of ``msg.encoding``.

    Raises:
        MessageError: the encoding is not in ENCODINGS, the size is zero or data are missing.
    """
    pixel_format = ENCODINGS.get(msg.encoding)
    if pixel_format is None:
        raise MessageError(
            f'image encoding {msg.encoding!r} is not one of {", ".join(ENCODINGS)}: '
            'publish one of these')
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    data = as_bytes(msg.data)
    _check_layout(msg.encoding, (height, width), step, width * pixel_format.pixel_bytes, len(data))
    dtype = pixel_format.dtype.newbyteorder('>' if msg.is_bigendian else '<')
    pixels: NDArray[Any] = np.ndarray(
        (height, width, pixel_format.channels), dtype, data,
        strides=(step, pixel_format.pixel_bytes, dtype.itemsize))
    if pixel_format.channels == 1:
        pixels = pixels[..., 0]
    return pixels.astype(pixel_format.dtype, copy=False)


def decode_color(msg: Any) -> NDArray[np.uint8]:
    """
    Return an image as (H, W, 3) uint8 RGB, contiguous.

    Grey images are repeated over the channels; encodings outside ENCODINGS (Bayer, YUV, NV12...)
    go through cv_bridge where it is installed.

    Raises:
        MessageError: malformed message, a depth image, or an encoding nobody can decode.
    """
    if msg.encoding in _DEPTH:
        raise MessageError(
            f'image encoding {msg.encoding!r} is a depth image, expected colour: '
            'check the remapping of the image topics')
    if msg.encoding not in ENCODINGS:
        return _as_color(convert_with_cv_bridge(msg, 'rgb8'))
    pixels = _as_8_bit(decode_image(msg))
    if msg.encoding == 'rgb8':
        return np.ascontiguousarray(pixels)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), _TO_RGB[msg.encoding]), np.uint8)


def decode_mono(msg: Any) -> NDArray[np.uint8]:
    """
    Return an image as (H, W) uint8 grey values, contiguous; mono16 keeps its upper byte.

    Raises:
        MessageError: as decode_color().
    """
    if msg.encoding in _TO_MONO or msg.encoding not in ENCODINGS or msg.encoding in _DEPTH:
        # Colour, foreign and depth encodings share their checks with decode_color().
        return np.asarray(cv2.cvtColor(decode_color(msg), cv2.COLOR_RGB2GRAY), np.uint8)
    return np.ascontiguousarray(_as_8_bit(decode_image(msg)))


def decode_label(msg: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """
    Return a label image, (H, W) uint8 (mono8, 8UC1) or uint16 (mono16, 16UC1), contiguous.

    Raises:
        MessageError: malformed message or an encoding that holds no labels.
    """
    if msg.encoding not in _LABELS:
        raise MessageError(
            f'image encoding {msg.encoding!r} holds no class ids, expected {", ".join(_LABELS)}: '
            'subscribe to the label image, not to its coloured view')
    return np.ascontiguousarray(decode_image(msg))


def encode_image(pixels: NDArray[Any], encoding: str, header: Any) -> Any:
    """
    Return a sensor_msgs/Image with tight rows.

    Args:
        pixels: (H, W) or (H, W, C) array of exactly the type and channels of ``encoding``.
        encoding: one of ENCODINGS.
        header: std_msgs/Header.

    Raises:
        MessageError: ``pixels`` do not fit the encoding.
    """
    pixel_format = ENCODINGS.get(encoding)
    if pixel_format is None:
        raise MessageError(
            f'image encoding {encoding!r} is not one of {", ".join(ENCODINGS)}: use one of these')
    shape = pixels.shape[:2] + (() if pixel_format.channels == 1 else (pixel_format.channels,))
    if pixels.shape != shape or pixels.ndim < 2 or pixels.dtype != pixel_format.dtype:
        channels = '' if pixel_format.channels == 1 else f', {pixel_format.channels}'
        raise MessageError(
            f'encoding {encoding!r} takes (H, W{channels}) {pixel_format.dtype} but the array is '
            f'{pixels.shape} {pixels.dtype}: convert it first')
    height, width = pixels.shape[:2]
    little_endian = pixels.astype(pixel_format.dtype.newbyteorder('<'), copy=False)
    return new_message(
        'sensor_msgs/Image', header=header, height=height, width=width, encoding=encoding,
        is_bigendian=0, step=width * pixel_format.pixel_bytes, data=byte_array(little_endian))


def _check_layout(
    encoding: str, size: tuple[int, int], step: int, row_bytes: int, data_bytes: int,
) -> None:
    height, width = size
    if height <= 0 or width <= 0:
        raise MessageError(
            f'image is {width}x{height} pixels, expected at least 1x1: check the camera driver')
    if step < row_bytes:
        raise MessageError(
            f'step is {step} bytes but a row of {width} {encoding} pixels has {row_bytes}: '
            'the publisher must set step to the bytes of a whole row')
    # The padding behind the last row carries nothing, and some drivers leave it out.
    needed = (height - 1) * step + row_bytes
    if data_bytes < needed:
        raise MessageError(
            f'image data are truncated: {data_bytes} bytes came but {width}x{height} {encoding} '
            f'with step {step} needs {needed}: check the publisher and the network for losses')


def _as_8_bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    return pixels


def _as_color(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise MessageError(
            f'cv_bridge returned {pixels.shape} {pixels.dtype}, expected (H, W, 3) uint8: '
            'publish rgb8 instead')
    return np.ascontiguousarray(pixels)
