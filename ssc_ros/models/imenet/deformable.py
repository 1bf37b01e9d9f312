"""Deformable convolutions of images and volumes, fast and frugal enough for a CPU."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.deformable_rows import RowConvolution
from ssc_ros.models.imenet.deformable_taps import TapGrid

Implementation = Literal['deformable', 'plain']


class _DeformConv(nn.Module):
    """
    y(p) = sum over taps k of W_k x(p + k + offset_k(p)), linear between cells, 0 beyond them.

    Stride 1, padding = dilation, no bias. Offsets come from a convolution of the same shape that
    starts at zero. Computed in at least single precision, also under autocast.

    Args:
        in_channels, out_channels: of features.
        dilation: distance between taps at rest, in cells.
        groups: of consecutive input channels that move together.
        implementation: ``plain`` has no offsets: an ordinary dilated convolution.
    """

    axes: ClassVar[int]
    convolution: ClassVar[Any]

    def __init__(
        self, in_channels: int, out_channels: int, *, dilation: int = 1, groups: int = 1,
        implementation: Implementation = 'deformable',
    ) -> None:
        super().__init__()
        if in_channels % groups:
            raise ConfigurationError(
                f'{in_channels} channels cannot be split into {groups} offset groups')
        self.dilation, self.groups = dilation, groups
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *(3,) * self.axes))
        nn.init.kaiming_normal_(self.weight, nonlinearity='relu')
        self.offset: nn.Conv2d | nn.Conv3d | None = None
        if implementation == 'deformable':
            # Channels: group by group, tap by tap, axis by axis.
            self.offset = self.convolution(
                in_channels, groups * 3 ** self.axes * self.axes, 3, padding=dilation,
                dilation=dilation)
            for parameter in self.offset.parameters():
                nn.init.zeros_(parameter)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """
        Map (B, C, *grid) to (B, out, *grid), channels last in memory.

        Args:
            features: over an image (h, w) or a volume (X, Y, Z).
            mask: (B, *grid) bool; outside it nothing is computed and the output is 0.
        """
        with torch.autocast(features.device.type, enabled=False):
            if features.dtype not in (torch.float32, torch.float64):
                features = features.float()
            if self.offset is None:
                output = self._convolve(features, self.weight)
                return output if mask is None else output * mask[:, None]
            # Sample by sample: half the memory, and a mask differs between them.
            return torch.stack([
                self._deform(sample, None if mask is None else mask[index])
                for index, sample in enumerate(features)]).movedim(-1, 1)

    def _convolve(self, features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        layout = torch.channels_last if self.axes == 2 else torch.channels_last_3d
        convolve = F.conv2d if self.axes == 2 else F.conv3d
        return convolve(
            features.contiguous(memory_format=layout), weight.contiguous(memory_format=layout),
            bias, padding=self.dilation, dilation=self.dilation)

    def _deform(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """Map (C, *grid) to (*grid, out)."""
        shape = tuple(features.shape[1:])
        grid = TapGrid(shape, self.dilation, self.groups)
        table, cells = grid.table_of(features), grid.cells(mask, features.device)
        # (taps * C, out), as samples are laid out.
        weight = _matrix(self.weight)
        moves, offsets = self._offset_parameters()
        convolution: Any = RowConvolution
        if uses_kernels(table):
            from ssc_ros.models.imenet.deformable_triton import TritonConvolution
            convolution = TritonConvolution
            maps = self._convolve(features[None], moves, offsets).movedim(1, -1)
            offsets = maps.flatten(0, -2) if mask is None else maps[mask[None]]
            rows: Tensor = convolution.apply(table, offsets, weight, cells, grid)
        else:
            rows = convolution.apply(table, offsets[None], _matrix(moves), weight, cells, grid)
        if mask is None:
            return rows.view(*shape, -1)
        index = torch.where(mask)
        empty = rows.new_zeros(*shape, rows.shape[1])
        return empty.index_put(index, rows)

    def _offset_parameters(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the offsets in the order axis by axis, tap by tap, group."""
        assert self.offset is not None and self.offset.bias is not None
        order = (self.groups, 3 ** self.axes, self.axes)
        weight, bias = (
            parameter.unflatten(0, order).transpose(0, 2).flatten(0, 2)
            for parameter in (self.offset.weight, self.offset.bias))
        return weight, bias


def uses_kernels(table: Tensor) -> bool:
    """Tell whether CUDA kernels suit a table: on a GPU, where triton is at hand."""
    return table.is_cuda and table.dtype == torch.float32 and find_spec('triton') is not None


def _matrix(weight: Tensor) -> Tensor:
    """Return (taps * C, out) of the weight (out, C, *taps) of a convolution."""
    return weight.flatten(2).permute(2, 1, 0).flatten(0, 1)


class DeformConv2d(_DeformConv):
    """
    Deformable 3x3 convolution (Dai et al., ICCV 2017).

    >>> DeformConv2d(12, 64, dilation=3)(torch.zeros(1, 12, 9, 12)).shape
    torch.Size([1, 64, 9, 12])
    """

    axes = 2
    convolution = nn.Conv2d


class DeformConv3d(_DeformConv):
    """The same with 3x3x3 taps that move along all three axes."""

    axes = 3
    convolution = nn.Conv3d
