"""Where the taps of a deformable convolution fall between the cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

# A tap beyond the border lies between two cells of padding, which hold zeros: then neither its
# value nor its slope needs a test.
BORDER = 2


@dataclass(frozen=True, slots=True)
class TapGrid:
    """
    The taps of a 3x3 or 3x3x3 kernel over a grid of cells.

    A grid becomes a table: one row per cell of the padded grid, in C order, one column per
    channel. Positions are in cells of the grid itself; they need not be whole.

    Attributes:
        shape: cells along every axis, without padding.
        dilation: distance between taps, in cells.
        groups: of channels that move together; each counts as a row of its own.
    """

    shape: tuple[int, ...]
    dilation: int = 1
    groups: int = 1

    @property
    def axes(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def taps(self) -> tuple[tuple[int, ...], ...]:
        """Shift of every tap along every axis, in C order."""
        return tuple(product((-self.dilation, 0, self.dilation), repeat=self.axes))

    @property
    def padding(self) -> int:
        """Cells around the grid: enough for a tap at rest."""
        return max(self.dilation, BORDER)

    @property
    def padded(self) -> tuple[int, ...]:
        """Cells along every axis, with padding."""
        return tuple(length + 2 * self.padding for length in self.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """Rows from a cell to the next along every axis."""
        return tuple(prod(self.padded[axis + 1:]) for axis in range(self.axes))

    def table_of(self, features: Tensor) -> Tensor:
        """Return the rows (R, C) of (C, *shape)."""
        last = features.movedim(0, -1)
        return F.pad(last, (0, 0) + (self.padding,) * (2 * self.axes)).reshape(-1, len(features))

    def row_steps(
        self, steps: Sequence[Sequence[int]], device: torch.device | str,
    ) -> Tensor:
        """Return (len(steps),) int32: the rows that each step along the axes skips."""
        rows = [sum(a * b for a, b in zip(step, self.strides, strict=True)) for step in steps]
        return torch.tensor(rows, dtype=torch.int32, device=device)

    def corner_steps(self, axes: tuple[int, ...], device: torch.device | str) -> Tensor:
        """Return the rows from a cell to itself and its next ones along some axes."""
        sides = [(0, 1) if axis in axes else (0,) for axis in range(self.axes)]
        return self.row_steps(tuple(product(*sides)), device) * self.groups

    def cells(self, mask: Tensor | None, device: torch.device) -> Tensor:
        """Return the cells (axes, N) of a bool mask, or all of them, in C order."""
        if mask is None:
            mask = torch.ones(self.shape, dtype=torch.bool, device=device)
        return mask.nonzero().T.contiguous()

    def rows(self, cells: Tensor) -> Tensor:
        """Return the rows (N,) of integer cells (axes, N)."""
        strides = torch.tensor(self.strides, device=cells.device)
        return (cells + self.padding).T.mul(strides).sum(1)

    def corners(self, positions: Tensor) -> Corners:
        """Find the cells around positions (axes, N * taps, groups), which are overwritten."""
        for axis, length in zip(positions, self.shape, strict=True):
            axis.clamp_(-BORDER, length)
        low = positions.floor()
        upper = positions.sub_(low).flatten(1)
        cells = low.to(torch.int32).add_(self.padding)
        rows = cells[-1]
        for axis, stride in zip(cells[:-1], self.strides, strict=False):
            rows.add_(axis, alpha=stride)
        if self.groups > 1:
            group = torch.arange(self.groups, dtype=torch.int32, device=rows.device)
            rows.mul_(self.groups).add_(group)
        return Corners(rows.flatten(), upper, self)


class Corners:
    """
    The cells around M positions: 4 in an image, 8 in a volume.

    Attributes:
        rows: (M,) int32 row of the lowest corner.
        upper: (axes, M) how far the position lies towards the next cell, 0 to 1.
        grid: whose rows they are.
    """

    def __init__(self, rows: Tensor, upper: Tensor, grid: TapGrid) -> None:
        self.rows, self.upper, self.grid = rows, upper, grid
        self._sides = torch.stack([1 - upper, upper], 1)

    def __getitem__(self, which: Tensor) -> Corners:
        """Keep some positions."""
        return Corners(self.rows[which], self.upper[:, which], self.grid)

    def interpolate(self, table: Tensor, axes: Sequence[int]) -> Tensor:
        """Interpolate a table (R, C) linearly along some axes, not moving along others: (M, C)."""
        return F.embedding_bag(
            self.neighbours(axes), table, mode='sum', per_sample_weights=self.weights(axes))

    def neighbours(self, axes: Sequence[int]) -> Tensor:
        """Return the rows (M, 2 ** len(axes)) of the corners along some axes."""
        return self.rows[:, None] + self.grid.corner_steps(tuple(axes), self.rows.device)

    def weights(self, axes: Sequence[int]) -> Tensor:
        """Return what weighs :meth:`neighbours`."""
        sides = [self._sides[axis] for axis in axes]
        outer = reduce(lambda a, b: (a[:, None] * b).flatten(0, 1), sides[1:-1], sides[0])
        weights = outer.new_empty(len(self.rows), 2 ** len(sides))
        # Column by column: whole vectors are multiplied, not two numbers at a time.
        for corner, column in enumerate(weights.unbind(1)):
            if len(sides) == 1:
                column.copy_(outer[corner])
            else:
                torch.mul(outer[corner // 2], sides[-1][corner % 2], out=column)
        return weights
