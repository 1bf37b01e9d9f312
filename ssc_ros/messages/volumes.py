"""
Dense label volumes in sensor_msgs/Image, so that every tool can record and read them.

Encoding mono8, height = X and width = Y * Z of the (X, Y, Z) label array in C order; the reader
must know the shape, as the label array alone does not say where Y ends. 255 = ignore.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.messages.images import decode_label, encode_image


def encode_label_volume(labels: NDArray[np.uint8], header: Any) -> Any:
    """Return a sensor_msgs/Image of (X, Y, Z) uint8 labels."""
    return encode_image(flatten_label_volume(labels), 'mono8', header)


def flatten_label_volume(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (X, Y, Z) labels as the (X, Y * Z) picture of the message."""
    if labels.ndim != 3 or labels.dtype != np.uint8:
        raise MessageError(
            f'label volume is {labels.shape} {labels.dtype}, expected (X, Y, Z) uint8')
    return labels.reshape(len(labels), -1)


def decode_label_volume(msg: Any, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """
    Return the labels of a volume message as (X, Y, Z) uint8.

    Raises:
        MessageError: malformed image, or its size is not that of ``shape``.
    """
    labels = decode_label(msg)
    expected = (shape[0], shape[1] * shape[2])
    if labels.shape != expected or labels.dtype != np.uint8:
        raise MessageError(
            f'label volume is a {labels.shape} {labels.dtype} image, a grid of {shape} needs '
            f'{expected} uint8: ground truth and estimate must use the same grid')
    return labels.astype(np.uint8, copy=False).reshape(shape)
