"""Labelled images: class ids, their coloured view and the overlay on the camera image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.images import encode_image


def encode_label_image(labels: NDArray[Any], header: Any) -> Any:
    """
    Return a sensor_msgs/Image of (H, W) class ids: mono8 for uint8, mono16 for uint16.

    255 (65535 in mono16) means unlabelled, as in vision_msgs/VisionClass.
    """
    return encode_image(labels, 'mono16' if labels.dtype == np.uint16 else 'mono8', header)


def encode_label_color(labels: NDArray[np.uint8], label_space: LabelSpace, header: Any) -> Any:
    """Return a sensor_msgs/Image (rgb8) in which every class has its colour."""
    return encode_image(label_space.colorize(labels), 'rgb8', header)


def label_overlay(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    label_space: LabelSpace,
    *,
    opacity: float = 0.5,
) -> NDArray[np.uint8]:
    """
    Blend the class colours over a picture; unlabelled and empty pixels stay as they are.

    Args:
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8.
        label_space: gives the colours.
        opacity: of the colours, 0 to 1.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if rgb.shape != (*labels.shape, 3):
        raise MessageError(
            f'picture is {rgb.shape} but the labels are {labels.shape}: resize the labels to the '
            'picture first')
    weights = np.zeros(256, np.float32)
    weights[list(label_space.occupied_ids)] = opacity
    weight = weights[labels][..., None]
    blended = rgb * (1 - weight) + label_space.colorize(labels) * weight
    return np.rint(blended).astype(np.uint8)
