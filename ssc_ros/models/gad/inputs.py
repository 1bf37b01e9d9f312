"""What the network takes and returns."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.gad.config import GadConfig

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
NEGLIGIBLE_LOGIT = -30.0


class GadOutput(NamedTuple):
    """
    Raw scores and depth, each at the resolution of its head; see `resize_map`.

    Attributes:
        label_logits: (B, num_classes, h, w) of the segmentation: the last of ``side_logits``, or
            ``semantic_logits`` of a network without skip pyramid fusion.
        depth_m: (B, 1, h, w) metres along the optical axis; a linear depth head may go below 0.
            None without a depth decoder.
        semantic_logits: (B, num_classes, h, w) of the head behind GAP; None where only the
            segmentation was asked for and comes from another head.
        side_logits: (B, num_classes, h_k, w_k) of each skip pyramid level, coarse to fine; only
            the last where only the segmentation was asked for; empty without the pyramid.
    """

    label_logits: Tensor
    depth_m: Tensor | None
    semantic_logits: Tensor | None
    side_logits: tuple[Tensor, ...] = ()


class GadPrediction(NamedTuple):
    """
    Answers at the size of an image.

    Attributes:
        labels: (B, H, W) uint8 ids.
        confidence: (B, H, W) probability of the label.
        depth_m: (B, H, W) metres, or None without a depth decoder.
    """

    labels: Tensor
    confidence: Tensor
    depth_m: Tensor | None


def normalize_image(image: Tensor, config: GadConfig) -> Tensor:
    """
    Turn (B, C, H, W) RGB of 0..255, any dtype, into the float images that the network takes.

    An HHA encoding behind the colours is treated like colours.
    """
    unit = image.float() / 255
    if config.input_norm == 'unit':
        return unit
    repeats = image.shape[1] // 3
    mean = torch.tensor(IMAGE_MEAN * repeats, device=image.device).view(1, -1, 1, 1)
    std = torch.tensor(IMAGE_STD * repeats, device=image.device).view(1, -1, 1, 1)
    return (unit - mean) / std


def resize_map(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, C, h, w) bilinearly, corners on corners, as all resizing in the release."""
    if values.shape[-2:] == size:
        return values
    return F.interpolate(values, size, mode='bilinear', align_corners=True)


def predict(output: GadOutput, size: tuple[int, int], config: GadConfig) -> GadPrediction:
    """
    Answer for every pixel of an image.

    Args:
        output: of the network.
        size: (height, width) of the answer: that of the image, or of the crop the network saw.
        config: of the network.
    """
    # Classes side by side in memory: interpolation and maximum take a third of the time.
    scores = output.label_logits.float().contiguous(memory_format=torch.channels_last)
    logits = resize_map(scores, size)
    first = int(config.masks_unlabelled)
    candidates = logits[:, first:]
    best, index = candidates.max(dim=1)
    # Below that a class adds nothing to a float, and numbers too small for one are slow.
    gaps = (candidates - best[:, None]).clamp_(min=NEGLIGIBLE_LOGIT)
    confidence = gaps.exp_().sum(dim=1).reciprocal()
    depth_m = None if output.depth_m is None else resize_map(output.depth_m.float(), size)[:, 0]
    return GadPrediction((index + first).to(torch.uint8), confidence, depth_m)
