"""What the network takes and returns."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ssc_ros.models.ammnet.augmentation import Augmentation3D

IMAGE_MEAN = (123.675, 116.28, 103.53)
IMAGE_STD = (58.395, 57.12, 57.375)


class AmmnetInputs(NamedTuple):
    """
    A batch of frames.

    Attributes:
        image: (B, 3, H, W) float RGB in 0..255, minus ``IMAGE_MEAN``, divided by ``IMAGE_STD``;
            None where a label map is read.
        label_map: (B, H, W) uint8 class of every pixel, 0 = void; None where the image is read.
        tsdf: (B, 1, X, Y, Z) float in [-1, 1]: positive in visible free space, negative behind
            surfaces, 0 on surfaces and where nothing is known.
        pixel_of_voxel: (B, N) int64: the pixel, row * W + column, that a visible voxel owns; H * W
            where it owns none. N runs over the grid in C order.
    """

    image: Tensor | None
    label_map: Tensor | None
    tsdf: Tensor
    pixel_of_voxel: Tensor


class AmmnetOutput(NamedTuple):
    """
    Raw scores.

    Attributes:
        ssc_logits: (B, num_classes, X, Y, Z) in the frame of the inputs, augmented or not.
        semantic2d_logits: (B, num_classes, H, W); None where a label map is read.
        augmentation: drawn for this batch; ``augmentation.apply(ssc_logits)`` is what the decoder
            saw. None outside training.
    """

    ssc_logits: Tensor
    semantic2d_logits: Tensor | None = None
    augmentation: Augmentation3D | None = None


def normalize_image(image: Tensor) -> Tensor:
    """Turn (B, 3, H, W) RGB of 0..255, any dtype, into the float image the network takes."""
    mean = torch.tensor(IMAGE_MEAN, device=image.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGE_STD, device=image.device).view(1, 3, 1, 1)
    return (image.float() - mean) / std
