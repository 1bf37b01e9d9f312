"""Losses of GAD: focal-like cross-entropy, berHu and their sum (Sec. 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.gad.inputs import GadOutput, resize_map

Reduction = Literal['mean', 'sum']
BerhuScope = Literal['batch', 'image']

UNLABELLED = (0, 255)
DEPTH_RANGE_M = (0.0, 10.0)
_SMALLEST_THRESHOLD = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class GadLossConfig:
    """
    How predictions are judged.

    Attributes:
        gamma: exponent of the focal weight; 0 makes the semantic loss plain cross-entropy.
        reduction: of the semantic losses over labelled pixels.
        size: (height, width) that predictions are resized to and labels must have; None resizes
            the targets to each head's own size instead, for less memory.
        masks_unlabelled: class 0 takes no share of the softmax.
        berhu_scope: the threshold follows the largest error of the batch or of each image.
        berhu_fraction: of the largest error.
        depth_space: compare metres or their logarithms.
    """

    gamma: float = 2.0
    reduction: Reduction = 'mean'
    size: tuple[int, int] | None = (480, 640)
    masks_unlabelled: bool = True
    berhu_scope: BerhuScope = 'batch'
    berhu_fraction: float = 0.2
    depth_space: Literal['metric', 'log'] = 'metric'


class GadLosses(NamedTuple):
    """Eq. 8: the total, and its parts: of the semantic head, of depth, of the pyramid's levels."""

    total: Tensor
    semantic: Tensor
    depth: Tensor
    sides: tuple[Tensor, ...]


def focal_cross_entropy(
    logits: Tensor, labels: Tensor, *, gamma: float = 2.0, reduction: Reduction = 'mean',
    masks_unlabelled: bool = True,
) -> Tensor:
    """
    Return -(1 - p)^gamma ln p (Eq. 6) over the labelled pixels of the batch; 0 if there is none.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) ids, 0 and 255 = unlabelled.
        masks_unlabelled: see `GadLossConfig`.
    """
    first = int(masks_unlabelled)
    labels = labels.long()
    is_labelled = (labels != UNLABELLED[0]) & (labels != UNLABELLED[1])
    log_probabilities = logits.float()[:, first:].log_softmax(dim=1)
    target = (labels - first).where(is_labelled, 0)
    log_probability = log_probabilities.gather(1, target[:, None])[:, 0]
    weight = (1 - log_probability.exp()) ** gamma if gamma else 1.0
    total = (-weight * log_probability).where(is_labelled, 0).sum()
    return total / is_labelled.sum().clamp(min=1) if reduction == 'mean' else total


def berhu(
    predicted: Tensor, target: Tensor, is_valid: Tensor, *, scope: BerhuScope = 'batch',
    fraction: float = 0.2,
) -> Tensor:
    """
    Return the reverse Huber loss (Eq. 7) over the valid pixels of the batch; 0 if there is none.

    Errors below a threshold count by their size, larger ones by their square; the threshold is a
    fraction of the largest error.

    Args:
        predicted, target: (B, H, W), of one unit.
        is_valid: (B, H, W) bool; elsewhere the target may be anything.
        scope, fraction: see `GadLossConfig`.
    """
    error = (predicted - target).where(is_valid, 0).abs()
    largest = error.detach().amax(dim=(1, 2), keepdim=True)
    if scope == 'batch':
        largest = largest.amax(dim=0, keepdim=True)
    threshold = (fraction * largest).clamp(min=_SMALLEST_THRESHOLD)
    loss = torch.where(
        error <= threshold, error, (error ** 2 + threshold ** 2) / (2 * threshold))
    return loss.where(is_valid, 0).sum() / is_valid.sum().clamp(min=1)


def depth_berhu(
    predicted_m: Tensor, depth_m: Tensor, config: GadLossConfig, *,
    has_depth: Tensor | None = None,
) -> Tensor:
    """
    Return the berHu loss of depth against measurements between 0 and 10 m.

    Args:
        predicted_m, depth_m: (B, H, W) metres; measurements may be missing: 0 or not finite.
        has_depth: (B,) bool; the other samples do not count (Sec. 4.5).
    """
    nearest, farthest = DEPTH_RANGE_M
    is_valid = (depth_m > nearest) & (depth_m < farthest)
    if has_depth is not None:
        is_valid = is_valid & has_depth.view(-1, 1, 1)
    predicted, target = predicted_m.float(), depth_m.float().where(is_valid, 1)
    if config.depth_space == 'log':
        smallest = torch.finfo(torch.float32).tiny
        predicted, target = predicted.clamp(min=smallest).log(), target.log()
    return berhu(
        predicted, target, is_valid, scope=config.berhu_scope, fraction=config.berhu_fraction)


def gad_losses(
    output: GadOutput, labels: Tensor, depth_m: Tensor | None, config: GadLossConfig, *,
    has_depth: Tensor | None = None,
) -> GadLosses:
    """
    Return the loss of a batch (Eq. 8), all weights 1.

    Args:
        output: of the network, with all heads.
        labels: (B, H, W) ids, 0 and 255 = unlabelled, of the pixels the network saw.
        depth_m: (B, H, W) metres, 0 = missing; None where nothing supervises depth.
        has_depth: (B,) bool, whether ``depth_m`` of the sample counts. All by default.
    """
    if output.semantic_logits is None:
        raise ValueError('only the segmentation was computed: call the network with all_heads')
    semantic = _semantic_loss(output.semantic_logits, labels, config)
    sides = tuple(_semantic_loss(logits, labels, config) for logits in output.side_logits)
    depth = semantic.new_zeros(())
    if output.depth_m is not None and depth_m is not None:
        predicted, target = _at_one_size(output.depth_m, depth_m, config)
        depth = depth_berhu(predicted[:, 0], target, config, has_depth=has_depth)
    total = semantic + depth
    for side in sides:
        total = total + side
    return GadLosses(total, semantic, depth, sides)


def _semantic_loss(logits: Tensor, labels: Tensor, config: GadLossConfig) -> Tensor:
    logits, labels = _at_one_size(logits, labels, config)
    return focal_cross_entropy(
        logits, labels, gamma=config.gamma, reduction=config.reduction,
        masks_unlabelled=config.masks_unlabelled)


def _at_one_size(
    predicted: Tensor, target: Tensor, config: GadLossConfig,
) -> tuple[Tensor, Tensor]:
    """Resize (B, C, h, w) smoothly and (B, H, W) to the nearest, where their sizes differ."""
    height, width = config.size or predicted.shape[-2:]
    predicted = resize_map(predicted, (height, width))
    if target.shape[-2:] != (height, width):
        # Interpolation knows no integers.
        resized = F.interpolate(target[:, None].float(), (height, width), mode='nearest-exact')
        target = resized[:, 0].to(target.dtype)
    return predicted, target
