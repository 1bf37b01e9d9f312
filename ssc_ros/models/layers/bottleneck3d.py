"""Dimension-decomposed residual blocks for voxel volumes (DDRNet, CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _pooled_projection(
    in_channels: int, out_channels: int, pool: tuple[int, int, int],
) -> nn.Sequential:
    return nn.Sequential(
        nn.AvgPool3d(pool, pool),
        nn.Conv3d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm3d(out_channels),
    )


class Bottleneck3D(nn.Module):
    """
    Residual block whose 3x3x3 kernel is decomposed into three one-dimensional ones.

    Args:
        in_channels, mid_channels, out_channels: widths; a block of stride 1 needs in = out.
        stride: 1, or what divides every axis (sizes must be multiples of it).
        dilation: of the three one-dimensional kernels.
        keeps_unused: own the pooling branches in a block of stride 1 too, where they are never
            computed; the official checkpoints contain them.
    """

    def __init__(
        self, in_channels: int, mid_channels: int, out_channels: int, *,
        stride: int = 1, dilation: int = 1, keeps_unused: bool = False,
    ) -> None:
        super().__init__()
        if stride < 1 or (stride == 1 and in_channels != out_channels):
            raise ValueError(
                f'stride {stride} with {in_channels} -> {out_channels} channels: stride 1 keeps '
                'the channels, greater ones may change them, lesser ones do not exist')
        self.stride = stride
        self.reduce = nn.Conv3d(in_channels, mid_channels, 1, bias=False)
        self.reduce_norm = nn.BatchNorm3d(mid_channels)
        self.axis_convs = nn.ModuleList(
            self._axis_conv(mid_channels, axis, stride, dilation) for axis in (2, 1, 0))
        self.axis_norms = nn.ModuleList(nn.BatchNorm3d(mid_channels) for _ in range(3))
        self.expand = nn.Conv3d(mid_channels, out_channels, 1, bias=False)
        self.expand_norm = nn.BatchNorm3d(out_channels)
        if stride > 1:
            self.shortcut = _pooled_projection(in_channels, out_channels, (stride,) * 3)
        if stride > 1 or keeps_unused:
            self.pool_last = _pooled_projection(mid_channels, mid_channels, (1, stride, 1))
            self.pool_last_middle = _pooled_projection(mid_channels, mid_channels, (stride, 1, 1))
            self.pool_middle = _pooled_projection(mid_channels, mid_channels, (stride, 1, 1))

    @staticmethod
    def _axis_conv(channels: int, axis: int, stride: int, dilation: int) -> nn.Conv3d:
        def along(value: int, otherwise: int) -> tuple[int, int, int]:
            x, y, z = (value if index == axis else otherwise for index in range(3))
            return x, y, z

        return nn.Conv3d(
            channels, channels, along(3, 1), stride=along(stride, 1),
            dilation=along(dilation, 1), padding=along(dilation, 0), bias=False)

    def forward(self, volume: Tensor) -> Tensor:
        """Map (B, in, X, Y, Z) to (B, out, X/stride, Y/stride, Z/stride)."""
        reduced = self.reduce_norm(self.reduce(volume)).relu_()
        skipped = self.shortcut(volume) if self.stride > 1 else volume
        return self.finish(reduced, skipped)

    def finish(self, reduced: Tensor, skipped: Tensor) -> Tensor:
        """Do what follows the first convolution, (B, mid, X, Y, Z), and add the shortcut."""
        last = self.axis_norms[0](self.axis_convs[0](reduced))
        middle = self.axis_norms[1](self.axis_convs[1](torch.relu(last)))
        if self.stride > 1:
            last = self.pool_last(last)
        middle = middle + last
        first = self.axis_norms[2](self.axis_convs[2](torch.relu(middle)))
        if self.stride > 1:
            first = first + self.pool_last_middle(last) + self.pool_middle(middle)
        else:
            first = first + last + middle
        result: Tensor = skipped + self.expand_norm(self.expand(first.relu_()))
        return result.relu_()


class Process(nn.Sequential):
    """Bottlenecks of growing dilation at constant width and resolution."""

    def __init__(
        self, channels: int, dilations: Sequence[int] = (1, 2, 3), *, keeps_unused: bool = False,
    ) -> None:
        super().__init__(*(
            Bottleneck3D(
                channels, channels // 4, channels, dilation=dilation, keeps_unused=keeps_unused)
            for dilation in dilations))


class Downsample(Bottleneck3D):
    """Halve every axis and double the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels // 4, 2 * channels, stride=2)


def bottleneck_group(
    in_channels: int, out_channels: int, *, stride: int = 2, keeps_unused: bool = False,
) -> nn.Sequential:
    """Return a strided bottleneck, which stride 1 leaves out, and three of growing dilation."""
    rest = Process(out_channels, keeps_unused=keeps_unused)
    if stride == 1:
        return rest
    return nn.Sequential(
        Bottleneck3D(in_channels, in_channels // 4, out_channels, stride=stride), *rest)


class Upsample(nn.Sequential):
    """Transposed convolution: double every axis, or keep it with ``stride=1``."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 2) -> None:
        super().__init__(
            nn.ConvTranspose3d(
                in_channels, out_channels, 3, stride=stride, padding=1,
                output_padding=stride - 1),
            nn.BatchNorm3d(out_channels),
            nn.ReLU(),
        )
