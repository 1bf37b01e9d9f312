# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
"""The deformable convolution of rows as CUDA kernels: needs triton, so import it only to run."""

from __future__ import annotations

from typing import Any

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.autograd.function import once_differentiable

from ssc_ros.models.imenet.deformable_taps import BORDER, TapGrid

# Cells per program, and programs among which the cells are split to sum the weight's gradient.
BLOCK, SPLITS = 64, 64
# The least side of a matrix product.
_LEAST_TILE = 16


class TritonConvolution(torch.autograd.Function):
    """What ``RowConvolution`` computes, in single precision: same arguments, same gradients."""

    @staticmethod
    def forward(
        ctx: Any, table: Tensor, offsets: Tensor, weight: Tensor, cells: Tensor, grid: TapGrid,
    ) -> Tensor:
        """Return (N, out)."""
        tensors = [tensor.contiguous() for tensor in (table, offsets, weight, cells)]
        ctx.save_for_backward(*tensors)
        ctx.grid = grid
        output = table.new_empty(len(offsets), weight.shape[1])
        if len(offsets):
            _convolve[_blocks(offsets),](*tensors, output, **_sizes(tensors, grid))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of table, offsets and weight."""
        tensors, gradient = list(ctx.saved_tensors), gradient.contiguous()
        table, offsets, weight, _ = tensors
        needs_table = ctx.needs_input_grad[0]
        to_table = torch.zeros_like(table) if needs_table else None
        to_offsets, to_weight = torch.zeros_like(offsets), torch.zeros_like(weight)
        if len(offsets):
            sizes = _sizes(tensors, ctx.grid)
            _send_back[_blocks(offsets),](
                *tensors, gradient, to_offsets, table if to_table is None else to_table,
                NEEDS_TABLE=needs_table, **sizes)
            programs = (len(ctx.grid.taps) * ctx.grid.groups, min(SPLITS, _blocks(offsets)))
            _sum_weight[programs](*tensors, gradient, to_weight, **sizes)
        return to_table, to_offsets, to_weight, None, None


def _blocks(offsets: Tensor) -> int:
    return -(-len(offsets) // BLOCK)


def _sizes(tensors: list[Tensor], grid: TapGrid) -> dict[str, int]:
    """Return the numbers that all kernels take; an image is a volume of one layer."""
    table, offsets, weight, _ = tensors
    missing = 3 - grid.axes
    x, y, z = (1,) * missing + grid.shape
    stride_x, stride_y, _ = (0,) * missing + grid.strides
    channels = table.shape[1] // grid.groups
    return {
        'cells_total': len(offsets), 'x_size': x, 'y_size': y, 'z_size': z,
        'x_stride': stride_x, 'y_stride': stride_y, 'dilation': grid.dilation,
        'AXES': grid.axes, 'PADDING': grid.padding, 'EDGE': BORDER, 'GROUPS': grid.groups,
        'CHANNELS': channels, 'OUT': weight.shape[1], 'BLOCK': BLOCK,
        # Gathered rows in flight at once would not fit the shared memory of older GPUs.
        'num_stages': 1,
        'CHANNEL_TILE': max(_LEAST_TILE, triton.next_power_of_2(channels)),
        'OUT_TILE': max(_LEAST_TILE, triton.next_power_of_2(weight.shape[1]))}


@triton.jit
def _place(
    offsets, cells, cell, is_cell, cells_total, tap, group, axis: tl.constexpr, size, dilation,
    AXES: tl.constexpr, EDGE: tl.constexpr, GROUPS: tl.constexpr,
):
    """Return cell and fraction of a tap along an axis of the volume."""
    own: tl.constexpr = axis - (3 - AXES)
    TAPS: tl.constexpr = 9 if AXES == 2 else 27
    DIVISOR: tl.constexpr = 1 if axis == 2 else (3 if axis == 1 else 9)
    step = (tap // DIVISOR % 3 - 1) * dilation
    column = (own * TAPS + tap) * GROUPS + group
    moved = tl.load(offsets + cell * (AXES * TAPS * GROUPS) + column, is_cell, 0.0)
    at_rest = tl.load(cells + own * cells_total + cell, is_cell, 0)
    position = (at_rest + step).to(tl.float32) + moved
    # Of a position that is not a number, the edge.
    position = tl.minimum(tl.maximum(position, -1.0 * EDGE), size * 1.0)
    low = tl.floor(position)
    return low.to(tl.int32), position - low


@triton.jit
def _locate(
    offsets, cells, cell, is_cell, cells_total, tap, group, x_size, y_size, z_size, x_stride,
    y_stride, dilation, AXES: tl.constexpr, PADDING: tl.constexpr, EDGE: tl.constexpr,
    GROUPS: tl.constexpr,
):
    """Return the row of the lowest corner around a tap and the fractions along three axes."""
    z, z_upper = _place(offsets, cells, cell, is_cell, cells_total, tap, group, 2, z_size,
                        dilation, AXES, EDGE, GROUPS)
    y, y_upper = _place(offsets, cells, cell, is_cell, cells_total, tap, group, 1, y_size,
                        dilation, AXES, EDGE, GROUPS)
    row = (y + PADDING) * y_stride + z + PADDING
    x_upper = tl.zeros_like(z_upper)
    if AXES == 3:
        x, x_upper = _place(offsets, cells, cell, is_cell, cells_total, tap, group, 0, x_size,
                            dilation, AXES, EDGE, GROUPS)
        row += (x + PADDING) * x_stride
    return row, x_upper, y_upper, z_upper


@triton.jit
def _side(upper, side: tl.constexpr):
    """Return the weight of the lower (0) or the upper (1) cell."""
    return upper if side == 1 else 1.0 - upper


@triton.jit
def _sign(slope, side: tl.constexpr):
    """Return the slope of a weight: down on the lower side, up on the upper one."""
    return slope if side == 1 else -slope


@triton.jit
def _corner_row(row, corner: tl.constexpr, x_stride, y_stride):
    """Return the row of one of the corners, in C order."""
    return row + (corner // 4) * x_stride + (corner // 2 % 2) * y_stride + corner % 2


@triton.jit
def _sample(
    table, row, x_upper, y_upper, z_upper, group, x_stride, y_stride, channel, is_channel,
    is_cell, AXES: tl.constexpr, GROUPS: tl.constexpr, CHANNELS: tl.constexpr,
):
    """Return the features at taps, (BLOCK, CHANNEL_TILE)."""
    total = tl.zeros([row.shape[0], channel.shape[0]], tl.float32)
    for corner in tl.static_range(1 << AXES):
        weight = _side(y_upper, corner // 2 % 2) * _side(z_upper, corner % 2)
        if AXES == 3:
            weight *= _side(x_upper, corner // 4)
        start = _corner_row(row, corner, x_stride, y_stride) * GROUPS + group
        values = tl.load(table + start[:, None] * CHANNELS + channel[None, :],
                         is_cell[:, None] & is_channel[None, :], 0.0)
        total += weight[:, None] * values
    return total


@triton.jit
def _convolve(
    table, offsets, weight, cells, output, cells_total, x_size, y_size, z_size, x_stride,
    y_stride, dilation, AXES: tl.constexpr, PADDING: tl.constexpr, EDGE: tl.constexpr,
    GROUPS: tl.constexpr, CHANNELS: tl.constexpr, OUT: tl.constexpr, BLOCK: tl.constexpr,
    CHANNEL_TILE: tl.constexpr, OUT_TILE: tl.constexpr,
):
    """Sample tap after tap and add its product with the weight."""
    TAPS: tl.constexpr = 9 if AXES == 2 else 27
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel, out = tl.arange(0, CHANNEL_TILE), tl.arange(0, OUT_TILE)
    is_cell, is_channel, is_out = cell < cells_total, channel < CHANNELS, out < OUT
    total = tl.zeros([BLOCK, OUT_TILE], tl.float32)
    for part in range(TAPS * GROUPS):
        tap, group = part // GROUPS, part % GROUPS
        row, x_upper, y_upper, z_upper = _locate(
            offsets, cells, cell, is_cell, cells_total, tap, group, x_size, y_size, z_size,
            x_stride, y_stride, dilation, AXES, PADDING, EDGE, GROUPS)
        samples = _sample(table, row, x_upper, y_upper, z_upper, group, x_stride, y_stride,
                          channel, is_channel, is_cell, AXES, GROUPS, CHANNELS)
        factors = tl.load(weight + (part * CHANNELS + channel[:, None]) * OUT + out[None, :],
                          is_channel[:, None] & is_out[None, :], 0.0)
        total += tl.dot(samples, factors, input_precision='ieee')
    tl.store(output + cell[:, None] * OUT + out[None, :], total,
             is_cell[:, None] & is_out[None, :])


@triton.jit
def _send_back(
    table, offsets, weight, cells, gradient, to_offsets, to_table, cells_total, x_size, y_size,
    z_size, x_stride, y_stride, dilation, NEEDS_TABLE: tl.constexpr, AXES: tl.constexpr,
    PADDING: tl.constexpr, EDGE: tl.constexpr, GROUPS: tl.constexpr, CHANNELS: tl.constexpr,
    OUT: tl.constexpr, BLOCK: tl.constexpr, CHANNEL_TILE: tl.constexpr, OUT_TILE: tl.constexpr,
):
    """Write the gradient of the offsets; add that of the table."""
    TAPS: tl.constexpr = 9 if AXES == 2 else 27
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel, out = tl.arange(0, CHANNEL_TILE), tl.arange(0, OUT_TILE)
    is_cell, is_channel, is_out = cell < cells_total, channel < CHANNELS, out < OUT
    outer = tl.load(gradient + cell[:, None] * OUT + out[None, :],
                    is_cell[:, None] & is_out[None, :], 0.0)
    for part in range(TAPS * GROUPS):
        tap, group = part // GROUPS, part % GROUPS
        row, x_upper, y_upper, z_upper = _locate(
            offsets, cells, cell, is_cell, cells_total, tap, group, x_size, y_size, z_size,
            x_stride, y_stride, dilation, AXES, PADDING, EDGE, GROUPS)
        factors = tl.load(weight + (part * CHANNELS + channel[None, :]) * OUT + out[:, None],
                          is_channel[None, :] & is_out[:, None], 0.0)
        to_samples = tl.dot(outer, factors, input_precision='ieee')
        to_x = tl.zeros([BLOCK], tl.float32)
        to_y = tl.zeros([BLOCK], tl.float32)
        to_z = tl.zeros([BLOCK], tl.float32)
        is_value = is_cell[:, None] & is_channel[None, :]
        for corner in tl.static_range(1 << AXES):
            start = _corner_row(row, corner, x_stride, y_stride) * GROUPS + group
            where = start[:, None] * CHANNELS + channel[None, :]
            product = tl.sum(to_samples * tl.load(table + where, is_value, 0.0), 1)
            # An image is all on the lower side of x.
            x_side = _side(x_upper, corner // 4)
            y_side = _side(y_upper, corner // 2 % 2)
            z_side = _side(z_upper, corner % 2)
            to_x += _sign(y_side * z_side * product, corner // 4)
            to_y += _sign(x_side * z_side * product, corner // 2 % 2)
            to_z += _sign(x_side * y_side * product, corner % 2)
            if NEEDS_TABLE:
                share = (x_side * y_side * z_side)[:, None] * to_samples
                tl.atomic_add(to_table + where, share, is_value)
        first = to_offsets + cell * (AXES * TAPS * GROUPS) + part
        if AXES == 3:
            tl.store(first, to_x, is_cell)
        tl.store(first + (AXES - 2) * TAPS * GROUPS, to_y, is_cell)
        tl.store(first + (AXES - 1) * TAPS * GROUPS, to_z, is_cell)


@triton.jit
def _sum_weight(
    table, offsets, weight, cells, gradient, to_weight, cells_total, x_size, y_size, z_size,
    x_stride, y_stride, dilation, AXES: tl.constexpr, PADDING: tl.constexpr, EDGE: tl.constexpr,
    GROUPS: tl.constexpr, CHANNELS: tl.constexpr, OUT: tl.constexpr, BLOCK: tl.constexpr,
    CHANNEL_TILE: tl.constexpr, OUT_TILE: tl.constexpr,
):
    """Add the gradient of one tap's weight over every so many blocks of cells."""
    part, split = tl.program_id(0), tl.program_id(1)
    tap, group = part // GROUPS, part % GROUPS
    channel, out = tl.arange(0, CHANNEL_TILE), tl.arange(0, OUT_TILE)
    is_channel, is_out = channel < CHANNELS, out < OUT
    total = tl.zeros([CHANNEL_TILE, OUT_TILE], tl.float32)
    for first in range(split * BLOCK, cells_total, tl.num_programs(1) * BLOCK):
        cell = first + tl.arange(0, BLOCK)
        is_cell = cell < cells_total
        row, x_upper, y_upper, z_upper = _locate(
            offsets, cells, cell, is_cell, cells_total, tap, group, x_size, y_size, z_size,
            x_stride, y_stride, dilation, AXES, PADDING, EDGE, GROUPS)
        samples = _sample(table, row, x_upper, y_upper, z_upper, group, x_stride, y_stride,
                          channel, is_channel, is_cell, AXES, GROUPS, CHANNELS)
        outer = tl.load(gradient + cell[:, None] * OUT + out[None, :],
                        is_cell[:, None] & is_out[None, :], 0.0)
        total += tl.dot(tl.trans(samples), outer, input_precision='ieee')
    where = to_weight + (part * CHANNELS + channel[:, None]) * OUT + out[None, :]
    tl.atomic_add(where, total, is_channel[:, None] & is_out[None, :])
