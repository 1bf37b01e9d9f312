"""
Voxel classification losses: cross-entropies and the scene-class affinity of MonoScene.

Everywhere `target` is (B, X, Y, Z) uint8 with 255 = unknown, which never counts; sums over voxels
run in float64 because true negatives come from differences of large sums.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE_ID = 255


def class_cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the weighted mean cross-entropy of (B, C, X, Y, Z) logits; 0 if nothing is known."""
    labels = target.long()
    if not bool((labels != IGNORE_ID).any()):
        return logits.float().sum() * 0
    return F.cross_entropy(logits.float(), labels, weight=weights, ignore_index=IGNORE_ID)


def occupancy_cross_entropy(
    logits: Tensor, target: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Return the cross-entropy of (B, 2, X, Y, Z) empty/occupied logits against label ids."""
    occupied = torch.where(target == IGNORE_ID, target, (target != 0).to(target.dtype))
    return class_cross_entropy(logits, occupied, weights)


def geometric_affinity(probabilities: Tensor, target: Tensor) -> Tensor:
    """Return -ln of soft precision, recall and specificity of occupancy (MonoScene, Eq. 5)."""
    is_known = target != IGNORE_ID
    occupied = is_known & (target != 0)
    occupancy = ((1 - probabilities[:, 0]) * is_known).double()
    return _affinity(
        hits=(occupancy * occupied).sum()[None],
        mass=occupancy.sum()[None],
        positives=occupied.sum()[None],
        total=is_known.sum(),
    )


def semantic_affinity(probabilities: Tensor, target: Tensor) -> Tensor:
    """Return the mean affinity loss of the classes that occur in the batch (MonoScene, Eq. 6)."""
    classes = probabilities.shape[1]
    is_known = target != IGNORE_ID
    labels = torch.where(is_known, target, 0).long()
    at_target = probabilities.gather(1, labels[:, None])[:, 0] * is_known
    hits = probabilities.new_zeros(classes, dtype=torch.float64)
    hits = hits.index_add(0, labels.flatten(), at_target.flatten().double())
    mass = (probabilities * is_known[:, None]).sum(dim=(0, 2, 3, 4), dtype=torch.float64)
    positives = torch.bincount(labels[is_known], minlength=classes)
    occurs = positives > 0
    if not bool(occurs.any()):
        return probabilities.sum() * 0
    total = is_known.sum()
    losses = _affinity(hits[occurs], mass[occurs], positives[occurs], total)
    return losses / occurs.sum()


def _affinity(hits: Tensor, mass: Tensor, positives: Tensor, total: Tensor) -> Tensor:
    """
    Sum -ln precision - ln recall - ln specificity over classes, leaving out 0/0 terms.

    All arguments are per class: probability mass on true voxels, whole mass, number of true
    voxels, number of known voxels.
    """
    negatives = total - positives
    true_negatives = negatives - (mass - hits)
    return (
        _negative_log_ratio(hits, mass)
        + _negative_log_ratio(hits, positives)
        + _negative_log_ratio(true_negatives, negatives)
    ).float()


def _negative_log_ratio(part: Tensor, whole: Tensor) -> Tensor:
    has_ratio = whole > 0
    ratio = (part[has_ratio] / whole[has_ratio]).clamp(0, 1)
    # Binary cross-entropy against 1 is -ln, with the logarithm and its gradient bounded.
    return F.binary_cross_entropy(ratio, torch.ones_like(ratio), reduction='sum')
