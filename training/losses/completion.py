"""
Voxel classification losses: cross-entropies and the scene-class affinity of MonoScene.

Everywhere `target` is (B, X, Y, Z) uint8 with 255 = unknown, which never counts.
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


def scene_class_affinities(probabilities: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """
    Return the geometric and the semantic affinity loss (MonoScene, Sec. 3.4, Eq. 5 and 6).

    Each is -ln of soft precision, recall and specificity: of occupancy, and of every class that
    occurs in the batch, averaged. Both follow from one soft confusion matrix.

    Args:
        probabilities: (B, C, X, Y, Z), summing to 1 over C.
        target: (B, X, Y, Z) label ids.
    """
    confusion, counts = _soft_confusion(probabilities, target)
    geometric = _affinity(
        hits=(counts[1:] - confusion[0, 1:]).sum(),
        mass=(counts - confusion[0]).sum(),
        positives=counts[1:].sum(),
        true_negatives=confusion[0, 0],
        negatives=counts[0],
    )
    hits, occurs = confusion.diagonal(), counts > 0
    misses = counts - confusion
    semantic = _affinity(
        hits=hits[occurs],
        mass=confusion.sum(dim=1)[occurs],
        positives=counts[occurs],
        true_negatives=(misses.sum(dim=1) - misses.diagonal())[occurs],
        negatives=(counts.sum() - counts)[occurs],
    )
    return geometric.float(), (semantic / occurs.sum().clamp(min=1)).float()


def _soft_confusion(probabilities: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """
    Return (C, C) probability mass of each class on the voxels of each true one, and (C,) counts.

    Summed slice by slice in the given precision, over slices in float64.
    """
    classes = probabilities.shape[1]
    labels = torch.where(target == IGNORE_ID, classes, target).long().flatten(2)
    truth = F.one_hot(labels, classes + 1)[..., :classes].to(probabilities.dtype)
    by_slice = torch.einsum('bcxn,bxnt->bxct', probabilities.flatten(3), truth)
    counts = torch.bincount(labels.flatten(), minlength=classes + 1)[:classes]
    return by_slice.double().sum(dim=(0, 1)), counts.double()


def _affinity(
    *, hits: Tensor, mass: Tensor, positives: Tensor, true_negatives: Tensor, negatives: Tensor,
) -> Tensor:
    """Sum -ln precision - ln recall - ln specificity, leaving out 0/0 terms."""
    return (
        _negative_log_ratio(hits, mass)
        + _negative_log_ratio(hits, positives)
        + _negative_log_ratio(true_negatives, negatives)
    )


def _negative_log_ratio(part: Tensor, whole: Tensor) -> Tensor:
    has_ratio = whole > 0
    ratio = (part[has_ratio] / whole[has_ratio]).clamp(0, 1)
    # Binary cross-entropy against 1 is -ln, with the logarithm and its gradient bounded.
    return F.binary_cross_entropy(ratio, torch.ones_like(ratio), reduction='sum')
