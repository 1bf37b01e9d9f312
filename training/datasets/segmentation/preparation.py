"""Bring labelled images to the size of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.errors import DataError
from ssc_ros.metrics import nearest_resize
from ssc_ros.models.gad.config import GadConfig

from .hha import encode_hha
from .image import MAX_DEPTH_M, LabelledImage


@dataclass(frozen=True, slots=True, eq=False)
class ResizedImage:
    """
    An image and its truth at the size of the network, before any crop.

    Attributes:
        picture: (C, h, w) uint8, RGB and, where the network reads it, HHA.
        labels: (h, w) uint8.
        depth_mm: (h, w) uint16, 0 = unknown; None where there is none.
    """

    picture: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    depth_mm: NDArray[np.uint16] | None


def resize_image(image: LabelledImage, config: GadConfig) -> ResizedImage:
    """
    Resize colours bilinearly without aliasing, labels and depth to the nearest pixel.

    Raises:
        DataError: the network reads depth, and the image has none for every pixel.
    """
    depth_mm = None
    if image.depth_m is not None:
        depth_m = resize_depth(image.depth_m, config.image_size, is_sparse=image.has_sparse_depth)
        depth_mm = np.rint(1000 * depth_m).astype(np.uint16)
    return ResizedImage(
        resize_picture(picture_of(image, config), config.image_size),
        nearest_resize(image.labels, config.image_size), depth_mm)


def picture_of(image: LabelledImage, config: GadConfig) -> NDArray[np.uint8]:
    """Return the (H, W, C) picture that a network reads of an image."""
    if config.input_channels == 3:
        return image.rgb
    if image.depth_m is None or image.has_sparse_depth or image.focal_length_px is None:
        raise DataError(f'image {image.frame_id} has no depth at every pixel, which the HHA input '
                        'of the network needs: use nyu_depth_v2_labeled.mat')
    return np.concatenate([image.rgb, encode_hha(image.depth_m, image.focal_length_px)], axis=-1)


def resize_picture(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize (H, W, C) to (C, h, w), bilinearly and, where it shrinks, without aliasing."""
    tensor: Tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    if tuple(tensor.shape[-2:]) != tuple(size):
        tensor = F.interpolate(
            tensor, tuple(size), mode='bilinear', align_corners=False, antialias=True)
    resized: NDArray[np.uint8] = tensor[0].numpy()
    return resized


def resize_depth(
    depth_m: NDArray[np.float32], size: tuple[int, int], *, is_sparse: bool,
) -> NDArray[np.float32]:
    """
    Resize (H, W) depth, which keeps its values; beyond 10 m it is unknown.

    Of sparse depth no point is lost but to a nearer one in the same new pixel.
    """
    known = np.where((depth_m > 0) & (depth_m < MAX_DEPTH_M), depth_m, 0).astype(np.float32)
    if not is_sparse:
        return nearest_resize(known, size)
    rows, columns = np.nonzero(known)
    values = known[rows, columns]
    new_rows, new_columns = (
        places * new // old
        for places, new, old in zip((rows, columns), size, depth_m.shape, strict=True))
    resized: NDArray[Any] = np.full(size, np.inf, np.float32)
    np.minimum.at(resized, (new_rows, new_columns), values)
    resized[np.isinf(resized)] = 0
    return resized
