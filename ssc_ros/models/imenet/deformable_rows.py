"""Sampling at the taps and multiplying, some cells at a time, keeping nothing for gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ssc_ros.models.imenet.deformable_taps import TapGrid

# So many cells keep a chunk near a CPU core; a GPU wants more at once.
CHUNK_CPU, CHUNK_GPU = 2048, 65536
# Skipping taps between empty cells costs a look at every tap.
MAX_SKIPPED_OCCUPANCY = 0.5


class RowConvolution(torch.autograd.Function):
    """
    y(p) = sum over taps k of W_k x(p + k + offset_k(p)), for the cells p of a list.

    Neither the samples nor the offsets of all cells ever exist at once: gradients compute both
    again. Where x needs no gradient, taps between cells that are zero are skipped.
    """

    @staticmethod
    def forward(
        ctx: Any, table: Tensor, offsets: Tensor, moves: Tensor | None, weight: Tensor,
        cells: Tensor, grid: TapGrid,
    ) -> Tensor:
        """
        Return (N, out).

        Args:
            table: (R, C) of the grid.
            offsets: (N, axes * taps * groups) in cells, in this order; or (1, ...) for all cells.
            moves: (taps * C, axes * taps * groups): what x at the taps at rest adds to offsets.
            weight: (taps * C, out).
            cells: (axes, N) integers.
        """
        ctx.save_for_backward(table, offsets, moves, weight, cells)
        ctx.grid = grid
        output = table.new_empty(cells.shape[1], weight.shape[1])
        rows = _Table(table, grid, is_learned=ctx.needs_input_grad[0], with_slopes=False)
        for chunk in rows.chunks(offsets, moves, cells):
            torch.mm(chunk.samples(), weight, out=output[chunk.where])
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of table, offsets, moves and weight."""
        values, offsets, moves, weight, cells = ctx.saved_tensors
        is_learned = ctx.needs_input_grad[0]
        table = _Table(values, ctx.grid, is_learned=is_learned, with_slopes=True)
        to_last = torch.zeros_like(table.last) if is_learned else None
        to_values = torch.zeros_like(values) if is_learned else None
        to_offsets, to_weight = torch.zeros_like(offsets), torch.zeros_like(weight)
        to_moves = None if moves is None else torch.zeros_like(moves)
        for chunk in table.chunks(offsets, moves, cells):
            outer = gradient[chunk.where]
            to_samples = torch.mm(outer, weight.T)
            to_weight.addmm_(chunk.samples().T, outer)
            to_moved = chunk.offset_gradient(to_samples)
            if len(offsets) == 1:
                to_offsets += to_moved.sum(0)
            else:
                to_offsets[chunk.where] = to_moved
            if to_moves is not None:
                chunk.rest.teach(to_moved, to_moves)
            if to_last is not None:
                chunk.scatter(to_samples, to_last)
            if to_values is not None and moves is not None:
                chunk.rest.scatter(to_moved, moves, to_values)
        if to_values is not None and to_last is not None:
            to_values += table.gradient(to_last).view_as(values)
        return to_values, to_offsets, to_moves, to_weight, None, None


class _Rest:
    """
    What x is around some cells, at the taps at rest.

    Attributes:
        neighbours: (n * taps,) rows of the taps.
        patches: (n, taps * C), of the cells with anything around them.
        busy: their indices; None = all.
    """

    def __init__(self, table: _Table, cells: Tensor) -> None:
        grid = table.grid
        rows = grid.rows(cells)
        self.busy: Tensor | None = None
        if table.is_near is not None:
            self.busy = table.is_near[rows].nonzero().squeeze(1)
            rows = rows[self.busy]
        steps = grid.row_steps(grid.taps, rows.device)
        self.neighbours = (rows[:, None] + steps).flatten()
        self.patches = table.whole.index_select(0, self.neighbours).view(
            len(rows), len(steps) * table.whole.shape[1])

    def move(self, offsets: Tensor, moves: Tensor, count: int) -> Tensor:
        """Return the (count, axes * taps * groups) offsets of all cells."""
        if self.busy is None:
            return torch.addmm(offsets, self.patches, moves)
        moved = offsets.repeat(count // len(offsets), 1)
        return moved.index_add_(0, self.busy, torch.mm(self.patches, moves))

    def teach(self, to_moved: Tensor, to_moves: Tensor) -> None:
        """Add the gradient of the moves."""
        to_moves.addmm_(self.patches.T, to_moved if self.busy is None else to_moved[self.busy])

    def scatter(self, to_moved: Tensor, moves: Tensor, to_values: Tensor) -> None:
        """Add the gradient of the patches to that of the table."""
        to_patches = torch.mm(to_moved, moves.T)
        to_values.index_add_(0, self.neighbours, to_patches.view(-1, to_values.shape[1]))


class _Table:
    """
    Rows, their differences along every axis, and which of them are worth a look.

    Interpolating differences over the other axes gives the slope along one. Along the last axis
    it gives the value as well, value = lower + upper weight * slope, from half as many corners.

    Attributes:
        last: (R, 2 * C) rows and their differences along the last axis.
        slopes: (R, C) differences along the other axes.
        whole: (R', C) as it came: the rows of all groups together.
        occupied: (R,) bool: some corner of the cell that starts there is not zero; None where
            asking would not pay.
        is_near: (R',) bool: some tap at rest is not zero; None where `occupied` is.
    """

    def __init__(
        self, values: Tensor, grid: TapGrid, *, is_learned: bool, with_slopes: bool,
    ) -> None:
        self.grid, self.whole = grid, values
        self.values = values.view(-1, values.shape[1] // grid.groups)
        *others, last = range(grid.axes)
        self.slopes = [self._differences(axis) for axis in others] if with_slopes else []
        self.last = torch.cat([self.values, self._differences(last)], 1)
        self.occupied = None if is_learned else self._occupied()
        self.is_near = None if self.occupied is None else self._near()

    def _differences(self, axis: int) -> Tensor:
        """Return next minus own value; anything where there is no next cell."""
        return self.values.roll(-self.grid.strides[axis] * self.grid.groups, 0).sub_(self.values)

    def gradient(self, to_last: Tensor) -> Tensor:
        """Return the gradient of the values, given that of ``last``."""
        to_lower, to_slope = to_last.chunk(2, dim=1)
        return to_lower - to_slope + to_slope.roll(self.grid.groups, 0)

    def _occupied(self) -> Tensor | None:
        """Tell which rows start a cell with a corner that is not zero; None where most do."""
        occupied = (self.values != 0).any(1)
        for stride in self.grid.strides:
            occupied |= occupied.roll(-stride * self.grid.groups)
        return occupied if occupied.float().mean() < MAX_SKIPPED_OCCUPANCY else None

    def _near(self) -> Tensor:
        """Tell which rows have anything at a tap at rest."""
        near = (self.whole != 0).any(1)
        for stride in self.grid.strides:
            step = stride * self.grid.dilation
            near = near | near.roll(step) | near.roll(-step)
        return near

    def chunks(
        self, offsets: Tensor, moves: Tensor | None, cells: Tensor,
    ) -> Iterator[_Chunk]:
        """Yield chunk after chunk of the cells."""
        axes, values = self.grid.axes, self.values
        taps = torch.tensor(self.grid.taps, dtype=values.dtype, device=values.device)
        taps = taps.T.repeat_interleave(self.grid.groups, dim=1)[:, None]
        size = CHUNK_GPU if values.is_cuda else CHUNK_CPU
        for start in range(0, cells.shape[1], size):
            where = slice(start, start + size)
            here = cells[:, where]
            moved = offsets if len(offsets) == 1 else offsets[where]
            rest = None
            if moves is not None:
                rest = _Rest(self, here)
                moved = rest.move(moved, moves, here.shape[1])
            moved = moved.view(-1, axes, taps.shape[2]).transpose(0, 1)
            positions = values.new_empty(moved.shape)
            torch.add(moved, here.to(values.dtype)[:, :, None] + taps, out=positions)
            yield _Chunk(where, self, positions, rest)


class _Chunk:
    """Some cells and where their taps went."""

    def __init__(
        self, where: slice, table: _Table, positions: Tensor, rest: _Rest | None,
    ) -> None:
        self.where, self.size, self.table, self._rest = where, positions.shape[1], table, rest
        self.axes = table.grid.axes
        self.corners = table.grid.corners(positions.view(self.axes, -1, table.grid.groups))
        self.num_taps = len(self.corners.rows)
        self.live: Tensor | None = None
        if table.occupied is not None:
            self.live = table.occupied[self.corners.rows].nonzero().squeeze(1)
            self.corners = self.corners[self.live]
        self._last_slope: Tensor | None = None

    @property
    def rest(self) -> _Rest:
        """Return what is around the cells; only where offsets follow from it."""
        assert self._rest is not None
        return self._rest

    def samples(self) -> Tensor:
        """Return the features at the taps, (size, taps * C)."""
        *others, last = range(self.axes)
        both = self.corners.interpolate(self.table.last, others)
        low, self._last_slope = both.chunk(2, dim=1)
        upper = self.corners.upper[last][:, None]
        return self._all(torch.addcmul(low, self._last_slope, upper)).view(self.size, -1)

    def offset_gradient(self, to_samples: Tensor) -> Tensor:
        """Return the gradient of the offsets, (size, axes * taps * groups); after `samples`."""
        to_taps = self._living(to_samples)
        ones = to_taps.new_ones(to_taps.shape[1])
        by_axis = [self._all((self._slope(axis) * to_taps).mv(ones)).view(self.size, -1)
                   for axis in range(self.axes)]
        return torch.cat(by_axis, 1)

    def _slope(self, axis: int) -> Tensor:
        """Return the derivative of the samples of living taps along an axis."""
        others = [other for other in range(self.axes) if other != axis]
        if axis == self.axes - 1:
            assert self._last_slope is not None
            return self._last_slope
        return self.corners.interpolate(self.table.slopes[axis], others)

    def scatter(self, to_samples: Tensor, to_last: Tensor) -> None:
        """Add the gradient of the samples to that of ``_Table.last``; after `samples`."""
        *others, last = range(self.axes)
        to_low = self._living(to_samples)
        to_both = torch.cat([to_low, to_low * self.corners.upper[last][:, None]], 1)
        rows, weights = self.corners.neighbours(others), self.corners.weights(others)
        for row, weight in zip(rows.unbind(1), weights.unbind(1), strict=True):
            to_last.index_add_(0, row, weight[:, None] * to_both)

    def _all(self, living: Tensor) -> Tensor:
        """Give the skipped taps zeros."""
        if self.live is None:
            return living
        return living.new_zeros(self.num_taps, *living.shape[1:]).index_copy_(0, self.live, living)

    def _living(self, taps: Tensor) -> Tensor:
        taps = taps.view(self.num_taps, -1)
        return taps if self.live is None else taps[self.live]
