"""Volumes that are zero almost everywhere, as lists of their voxels."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.layers.parity_upsample import PARITIES, Parity

_NEIGHBOURHOOD = 27


class VoxelRows(NamedTuple):
    """
    Features of some voxels of one parity.

    Attributes:
        row: (M,) int64, unique, among the rows (B * X/2 * Y/2 * Z/2) of the parity; None = all.
        values: (M, C).
    """

    row: Tensor | None
    values: Tensor


def filled_voxels(
    index: Tensor, values: Tensor, batch: int, grid_shape: tuple[int, int, int],
) -> tuple[Tensor, Tensor]:
    """
    Fill holes as ``fill_holes`` does, touching the neighbours of given voxels only.

    Args:
        index: (M, 4) int64 sample, x, y, z; unique.
        values: (M, C).

    Returns:
        Index and values of all voxels that are not zero now.
    """
    # One voxel of margin on every side spares all tests for the border.
    padded = [length + 2 for length in grid_shape]
    shape = torch.Size([batch, *padded])
    strides = torch.tensor(
        [padded[0] * padded[1] * padded[2], padded[1] * padded[2], padded[2], 1],
        device=index.device)
    cell = (index * strides).sum(1) + strides[1:].sum()
    row_of_cell = cell.new_full((shape.numel(),), -1)
    row_of_cell[cell] = torch.arange(len(cell), device=cell.device)
    step = torch.cartesian_prod(*[torch.arange(-1, 2, device=cell.device)] * 3) @ strides[1:]

    touched = torch.zeros_like(row_of_cell, dtype=torch.bool)
    touched[(cell[:, None] + step).flatten()] = True
    filled = touched.view(shape)[:, 1:-1, 1:-1, 1:-1].nonzero()
    cell = (filled * strides).sum(1) + strides[1:].sum()
    own = row_of_cell[cell]
    seen = values[own.clamp(min=0)] * (own >= 0)[:, None]
    mean = _sums(row_of_cell[cell[:, None] + step], values) / _NEIGHBOURHOOD
    return filled, torch.where(seen == 0, mean, seen)


def _sums(rows: Tensor, values: Tensor) -> Tensor:
    """Return (K, C): the sums over the (K, N) rows of values (M, C); rows below 0 are skipped."""
    present = rows >= 0
    counts = present.sum(1)
    # Summed in single precision, whatever the values.
    return F.embedding_bag(
        rows[present], values.float(), counts.cumsum(0) - counts, mode='sum').to(values.dtype)


def split_by_parity(
    index: Tensor, values: Tensor, grid_shape: tuple[int, int, int],
) -> dict[Parity, VoxelRows]:
    """Sort (K, 4) voxels and their (K, C) values by the parity of their position."""
    x, y, z = (length // 2 for length in grid_shape)
    half = index // 2
    row = ((index[:, 0] * x + half[:, 1]) * y + half[:, 2]) * z + half[:, 3]
    number = index[:, 1] % 2 * 4 + index[:, 2] % 2 * 2 + index[:, 3] % 2
    chosen = [(number == each).nonzero()[:, 0] for each in range(len(PARITIES))]
    return {parity: VoxelRows(row[which], values[which])
            for parity, which in zip(PARITIES, chosen, strict=True)}


def split_dense(volume: Tensor) -> dict[Parity, VoxelRows]:
    """List all voxels of (B, C, X, Y, Z) by the parity of their position."""
    last = volume.permute(0, 2, 3, 4, 1)
    return {parity: VoxelRows(None, parity.of(last).reshape(-1, volume.shape[1]))
            for parity in PARITIES}
