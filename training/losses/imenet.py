"""Losses of IMENet: of voxels, of pixels, and of the sketch inside 3D-Sketch."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ssc_ros.models.imenet.inputs import SketchOutput
from training.losses.completion import IGNORE_ID, class_cross_entropy
from training.losses.smooth import masked_labels

VoxelMask = Literal['nonfree', 'occupied_only', 'sscnet_balanced']

# SSCNet learns from so many hidden empty voxels for each occupied one.
EMPTY_PER_OCCUPIED = 2


def voxel_targets(labels: Tensor, weight: Tensor, mask: VoxelMask = 'nonfree') -> Tensor:
    """
    Return (B, X, Y, Z) labels that are 255 wherever nothing is learned.

    Args:
        labels: (B, X, Y, Z) uint8, 255 = unknown.
        weight: (B, X, Y, Z) bool: occupied voxels, and those well behind a surface.
        mask: ``nonfree`` leaves all of them; ``occupied_only`` those of classes 1 to 11, so that
            nothing is ever called empty; ``sscnet_balanced`` the occupied ones and, drawn
            at random, twice as many empty ones, or as many as there are (SSCNet, Sec. 3.2).
    """
    if mask == 'nonfree':
        return masked_labels(labels, weight)
    is_occupied = (labels > 0) & (labels != IGNORE_ID)
    if mask == 'occupied_only':
        return masked_labels(labels, weight & is_occupied)
    return masked_labels(labels, is_occupied | _drawn(weight & (labels == 0), is_occupied))


def _drawn(candidates: Tensor, is_occupied: Tensor) -> Tensor:
    """Draw from the candidates of each sample in proportion to its occupied voxels."""
    chance = torch.rand(candidates.shape, device=candidates.device) * candidates
    wanted = EMPTY_PER_OCCUPIED * is_occupied.flatten(1).sum(dim=1)
    ordered = chance.flatten(1).sort(dim=1, descending=True).values
    last = (wanted.clamp(1, ordered.shape[1]) - 1)[:, None]
    threshold = ordered.gather(1, last).view(-1, *[1] * (candidates.dim() - 1))
    return candidates & (chance >= threshold) & (wanted > 0).view_as(threshold)


def pixel_cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor | None = None,
) -> Tensor:
    """
    Return the mean cross-entropy over labelled pixels; 0 if there is none.

    Args:
        logits: (B, C, h, w), unlabelled among the classes.
        labels: (B, h, w) uint8, 0 = unlabelled.
        weights: (C,) of the classes.
    """
    return class_cross_entropy(logits, labels.where(labels > 0, IGNORE_ID), weights)


def sketch_losses(output: SketchOutput, sketch: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """
    Return the losses of the two stages of 3D-Sketch (Chen et al., CVPR 2020) by name.

    Args:
        output: of a network in training, which saw the true sketch.
        sketch: (B, X, Y, Z) uint8, 0 or 1, 255 = unknown.
        weight: (B, X, Y, Z) bool, voxels that count.
    """
    posterior, mean, log_variance = output.posterior_logits, output.mean, output.log_variance
    if posterior is None or mean is None or log_variance is None:
        raise ValueError('the network saw no true sketch: give it one, in training mode')
    target = masked_labels(sketch, weight)
    mean, log_variance = mean.float(), log_variance.float()
    divergence = -0.5 * (1 + log_variance - mean ** 2 - log_variance.exp()).mean()
    return {
        'sketch': class_cross_entropy(posterior, target),
        'sketch_raw': class_cross_entropy(output.raw_logits, target),
        'sketch_prior': class_cross_entropy(output.prior_logits, target),
        'sketch_divergence': divergence}
