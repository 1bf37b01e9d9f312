"""Voxel relations that supervise the context prior (MonoScene, Sec. 3.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.completion import IGNORE_ID

_EMPTY_SHARE = 0.95


def downsample_labels(labels: Tensor, factor: int) -> Tensor:
    """
    Reduce (X, Y, Z) uint8 label ids by blocks of `factor`^3 voxels (SSCNet's rule).

    A block that is empty or unknown to more than 95 % becomes the more frequent of the two
    (unknown on a tie); any other takes its most frequent class, the smallest id on ties.
    """
    x, y, z = (length // factor for length in labels.shape)
    blocks = labels.view(x, factor, y, factor, z, factor).permute(0, 2, 4, 1, 3, 5)
    blocks = blocks.reshape(x * y * z, factor**3).long()
    rows = 256 * torch.arange(len(blocks), device=labels.device)[:, None]
    counts = torch.bincount((rows + blocks).flatten(), minlength=256 * len(blocks)).view(-1, 256)
    empty, unknown = counts[:, 0], counts[:, IGNORE_ID]
    majority = counts[:, 1:IGNORE_ID].argmax(dim=1) + 1
    background = torch.where(empty > unknown, 0, IGNORE_ID)
    is_background = empty + unknown > _EMPTY_SHARE * factor**3
    return torch.where(is_background, background, majority).to(torch.uint8).view(x, y, z)


def relation_matrix(labels: Tensor, num_classes: int) -> Tensor:
    """
    Relate every voxel of a coarse volume to every mega cell of 2x2x2 voxels.

    Args:
        labels: (X, Y, Z) uint8, 255 = unknown; odd trailing slices belong to no mega cell.

    Returns:
        (4, M, N) bool, mega cells and voxels in C order: same class, another class, both empty,
        one empty and one not. A pair can satisfy several; voxels of 255 satisfy none.
    """
    occurs = _classes_in_mega_cells(labels, num_classes)
    voxel = labels.flatten().long()
    is_known, is_matter = voxel != IGNORE_ID, (voxel != 0) & (voxel != IGNORE_ID)
    has_empty, num_matter = occurs[:, :1], occurs[:, 1:].sum(dim=1, keepdim=True)
    has_same = occurs[:, torch.where(is_known, voxel, 0)] & is_known
    is_empty = is_known & ~is_matter
    return torch.stack([
        has_same & is_matter,
        (num_matter - has_same.long() > 0) & is_matter,
        has_empty & is_empty,
        ((num_matter > 0) & is_empty) | (has_empty & is_matter),
    ])


def relation_cross_entropy(logits: Tensor, relations: Tensor) -> Tensor:
    """
    Return the binary cross-entropy of relation logits, each relation balanced on the batch.

    Args:
        logits: (B, 4, M, N).
        relations: (B, 4, M, N) bool of `relation_matrix`.
    """
    positives = relations.sum(dim=(0, 2, 3))
    negatives = relations.numel() // relations.shape[1] - positives
    # A relation without any positive pair needs no balancing (and must not divide by zero).
    weights = torch.where(positives > 0, negatives / positives.clamp(min=1), 1.0)
    return F.binary_cross_entropy_with_logits(
        logits.float(), relations.float(), pos_weight=weights[:, None, None]
    )


def _classes_in_mega_cells(labels: Tensor, num_classes: int) -> Tensor:
    """Return (M, num_classes) bool: which classes each mega cell contains."""
    x, y, z = (length // 2 for length in labels.shape)
    cells = labels[: 2 * x, : 2 * y, : 2 * z].reshape(x, 2, y, 2, z, 2)
    members = cells.permute(0, 2, 4, 1, 3, 5).reshape(x * y * z, 8).long()
    members = torch.where(members == IGNORE_ID, num_classes, members)
    occurs = torch.zeros(len(members), num_classes + 1, dtype=torch.bool, device=labels.device)
    return occurs.scatter(1, members, True)[:, :num_classes]
