"""Frustum proportion loss: class shares in the cone behind each image patch (MonoScene, Eq. 7)."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.completion import IGNORE_ID

DIVISIONS = 8
NO_CELL = 255
_MIN_SHARE = 1e-8


def frustum_cells(pixels: Tensor, in_view: Tensor, image_size: tuple[int, int]) -> Tensor:
    """
    Return the number of the 8x8 image patch behind which each voxel lies, row by row.

    Args:
        pixels: (..., 2) integer u, v.
        in_view: (...) bool.
        image_size: (height, width) that u and v refer to.

    Returns:
        (...) uint8 patch 0..63, 255 = out of view.
    """
    height, width = image_size
    column = torch.div(pixels[..., 0] * DIVISIONS, width, rounding_mode='floor')
    row = torch.div(pixels[..., 1] * DIVISIONS, height, rounding_mode='floor')
    return torch.where(in_view, DIVISIONS * row + column, NO_CELL).to(torch.uint8)


def frustum_proportion(probabilities: Tensor, target: Tensor, cells: Tensor) -> Tensor:
    """
    Return the mean KL divergence of the class shares over frusta, pooled over the batch.

    Args:
        probabilities: (B, C, X, Y, Z).
        target: (B, X, Y, Z) label ids; voxels of 255 take no part.
        cells: (B, V, X Y Z) uint8 of `frustum_cells`; a voxel belongs to its patch of every view.
    """
    classes = probabilities.shape[1]
    labels = target.flatten(1)
    by_voxel = probabilities.flatten(2).transpose(1, 2)
    mass = probabilities.new_zeros(DIVISIONS**2, classes)
    counts = torch.zeros_like(mass)
    for view in range(cells.shape[1]):
        belongs = _belongs(cells, view) & (labels != IGNORE_ID)
        cell, label = cells[:, view][belongs].long(), labels[belongs].long()
        mass = mass.index_add(0, cell, by_voxel[belongs])
        occurrences = torch.bincount(cell * classes + label, minlength=counts.numel())
        counts += occurrences.view_as(counts)
    return _mean_divergence(mass, counts)


def _belongs(cells: Tensor, view: int) -> Tensor:
    """Return where the view adds a membership that no earlier view has counted."""
    is_new = cells[:, view] != NO_CELL
    for earlier in range(view):
        is_new = is_new & (cells[:, view] != cells[:, earlier])
    return is_new


def _mean_divergence(mass: Tensor, counts: Tensor) -> Tensor:
    total_mass, total_count = mass.sum(dim=1), counts.sum(dim=1)
    is_used = (total_mass > 0) & (total_count > 0)
    if not bool(is_used.any()):
        return mass.sum() * 0
    predicted = (mass[is_used] / total_mass[is_used, None]).clamp(min=_MIN_SHARE)
    share = counts[is_used] / total_count[is_used, None]
    divergence: Tensor = torch.special.xlogy(share, share) - share * predicted.log()
    return divergence.sum(dim=1).mean()
