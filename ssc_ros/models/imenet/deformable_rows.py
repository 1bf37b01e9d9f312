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

    The samples of all cells never exist at once: gradients sample again. Where x needs no
    gradient, taps between cells that are zero are skipped.
    """

    @staticmethod
    def forward(
        ctx: Any, table: Tensor, offsets: Tensor, weight: Tensor, cells: Tensor, grid: TapGrid,
    ) -> Tensor:
        """
        Return (N, out).

        Args:
            table: (R, C) of the grid.
            offsets: (N, axes * taps * groups) in cells, in this order.
            weight: (taps * C, out).
            cells: (axes, N) integers.
        """
        ctx.save_for_backward(table, offsets, weight, cells)
        ctx.grid = grid
        output = table.new_empty(len(offsets), weight.shape[1])
        rows = _Table(table, grid, is_learned=ctx.needs_input_grad[0], with_slopes=False)
        for chunk in rows.chunks(offsets, cells):
            torch.mm(chunk.samples(), weight, out=output[chunk.where])
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of table, offsets and weight."""
        values, offsets, weight, cells = ctx.saved_tensors
        is_learned = ctx.needs_input_grad[0]
        table = _Table(values, ctx.grid, is_learned=is_learned, with_slopes=True)
        to_last = torch.zeros_like(table.last) if is_learned else None
        to_offsets, to_weight = torch.empty_like(offsets), torch.zeros_like(weight)
        for chunk in table.chunks(offsets, cells):
            outer = gradient[chunk.where]
            to_samples = torch.mm(outer, weight.T)
            to_weight.addmm_(chunk.samples().T, outer)
            chunk.offset_gradient(to_samples, to_offsets[chunk.where])
            if to_last is not None:
                chunk.scatter(to_samples, to_last)
        to_values = None if to_last is None else table.gradient(to_last).view_as(values)
        return to_values, to_offsets, to_weight, None, None


class _Table:
    """
    Rows, their differences along every axis, and which of them are worth a look.

    Interpolating differences over the other axes gives the slope along one. Along the last axis
    it gives the value as well, value = lower + upper weight * slope, from half as many corners.

    Attributes:
        last: (R, 2 * C) rows and their differences along the last axis.
        slopes: (R, C) differences along the other axes.
        occupied: (R,) bool: some corner of the cell that starts there is not zero; None where
            asking would not pay.
    """

    def __init__(
        self, values: Tensor, grid: TapGrid, *, is_learned: bool, with_slopes: bool,
    ) -> None:
        self.grid = grid
        self.values = values.view(-1, values.shape[1] // grid.groups)
        *others, last = range(grid.axes)
        self.slopes = [self._differences(axis) for axis in others] if with_slopes else []
        self.last = torch.cat([self.values, self._differences(last)], 1)
        self.occupied = None if is_learned else self._occupied()

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

    def differences(self, axis: int) -> Tensor:
        """Return next minus own value; anything where there is no next cell."""
        step = self.grid.strides[axis] * self.grid.groups
        return self.values.roll(-step, 0).sub_(self.values)

    def chunks(self, offsets: Tensor, cells: Tensor) -> Iterator[_Chunk]:
        """Yield chunk after chunk of the cells."""
        axes, values = self.grid.axes, self.values
        taps = torch.tensor(self.grid.taps, dtype=values.dtype, device=values.device)
        taps = taps.T.repeat_interleave(self.grid.groups, dim=1)[:, None]
        size = CHUNK_GPU if values.is_cuda else CHUNK_CPU
        for start in range(0, len(offsets), size):
            where = slice(start, start + size)
            moved = offsets[where].view(-1, axes, taps.shape[2]).transpose(0, 1)
            positions = values.new_empty(moved.shape)
            torch.add(moved, cells[:, where, None] + taps, out=positions)
            yield _Chunk(where, self, positions)


class _Chunk:
    """Some cells and where their taps went."""

    def __init__(self, where: slice, table: _Table, positions: Tensor) -> None:
        self.where, self.size, self.table = where, positions.shape[1], table
        self.axes = table.grid.axes
        self.corners = table.grid.corners(positions.view(self.axes, -1, table.grid.groups))
        self.num_taps = len(self.corners.rows)
        self.live: Tensor | None = None
        if table.occupied is not None:
            self.live = table.occupied[self.corners.rows].nonzero().squeeze(1)
            self.corners = self.corners[self.live]
        self._last_slope: Tensor | None = None

    def samples(self) -> Tensor:
        """Return the features at the taps, (size, taps * C)."""
        *others, last = range(self.axes)
        both = self.corners.interpolate(self.table.last, others)
        low, self._last_slope = both.chunk(2, dim=1)
        upper = self.corners.upper[last][:, None]
        return self._all(torch.addcmul(low, self._last_slope, upper)).view(self.size, -1)

    def offset_gradient(self, to_samples: Tensor, to_offsets: Tensor) -> None:
        """Write the gradient of the offsets, (size, axes * taps * groups); after `samples`."""
        to_taps = self._living(to_samples)
        ones = to_taps.new_ones(to_taps.shape[1])
        by_axis = to_offsets.view(self.size, self.axes, -1)
        for axis in range(self.axes):
            slope = self._slope(axis)
            by_axis[:, axis] = self._all((slope * to_taps).mv(ones)).view(self.size, -1)

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
