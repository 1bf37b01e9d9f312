"""Blocks and branches of the network: residual blocks, encoder, decoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.models.s4r.config import NormOrder

SLOPE = 0.2
STEM_KERNEL = 5
DOWN_KERNEL = 4


def conv_block(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1,
    norm_order: NormOrder = 'norm_first',
) -> nn.Sequential:
    """Return convolution, batch norm and leaky ReLU, (B, in, Z, Y, X) to (B, out, Z', Y', X')."""
    convolution = nn.Conv3d(
        in_channels, out_channels, kernel, stride, (kernel - stride + 1) // 2, bias=False)
    # In place: the layers before need their inputs for the gradient, not what they returned.
    norm, activation = nn.BatchNorm3d(out_channels), nn.LeakyReLU(SLOPE, inplace=True)
    if norm_order == 'activation_first':
        return nn.Sequential(convolution, activation, norm)
    return nn.Sequential(convolution, norm, activation)


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions beside a shortcut, (B, in, Z, Y, X) to (B, out, Z, Y, X)."""

    def __init__(
        self, in_channels: int, out_channels: int, norm_order: NormOrder = 'norm_first',
    ) -> None:
        super().__init__()
        self.first = conv_block(in_channels, out_channels, 3, norm_order=norm_order)
        self.second = nn.Sequential(
            nn.Conv3d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm3d(out_channels))
        self.shortcut: nn.Module = nn.Identity() if in_channels == out_channels else (
            nn.Sequential(nn.Conv3d(in_channels, out_channels, 1, bias=False),
                          nn.BatchNorm3d(out_channels)))

    def start_as_shortcut(self) -> None:
        """Let the convolutions add nothing until they are trained."""
        norm: Any = self.second[1]
        nn.init.zeros_(norm.weight)

    def forward(self, volume: Tensor) -> Tensor:
        """Return features of the same resolution."""
        return F.leaky_relu_(self.second(self.first(volume)) + self.shortcut(volume), SLOPE)


class Encoder(nn.Module):
    """Residual blocks at halving resolutions, one for each width."""

    def __init__(
        self, in_channels: int, channels: Sequence[int], norm_order: NormOrder = 'norm_first',
    ) -> None:
        super().__init__()
        stem = conv_block(in_channels, channels[0], STEM_KERNEL, norm_order=norm_order)
        downs = (conv_block(before, after, DOWN_KERNEL, stride=2, norm_order=norm_order)
                 for before, after in pairwise(channels))
        self.levels = nn.ModuleList(
            nn.Sequential(entry, ResidualBlock(width, width, norm_order))
            for entry, width in zip((stem, *downs), channels, strict=True))

    def forward(self, volume: Tensor) -> list[Tensor]:
        """Return the features of every level, fine to coarse; the last are the code."""
        features = []
        for level in self.levels:
            volume = level(volume)
            features.append(volume)
        return features


class UpBlock(nn.Module):
    """Doubles the resolution and joins what the encoders saw at it."""

    def __init__(
        self, in_channels: int, out_channels: int, skip_channels: int,
        norm_order: NormOrder = 'norm_first',
    ) -> None:
        super().__init__()
        self.reduce = conv_block(in_channels, out_channels, 3, norm_order=norm_order)
        self.join = ResidualBlock(out_channels + skip_channels, out_channels, norm_order)

    def forward(self, volume: Tensor, skip: Tensor) -> Tensor:
        """Map (B, in, Z, Y, X) and (B, skip, 2Z, 2Y, 2X) to (B, out, 2Z, 2Y, 2X)."""
        raised = F.interpolate(volume, scale_factor=2.0, mode='nearest')
        joined: Tensor = self.join(torch.cat([self.reduce(raised), skip], dim=1))
        return joined


class Decoder(nn.Module):
    """
    From the code back to the resolution of the input.

    Args:
        channels: width of every level, fine to coarse.
        skips: number of encoders, whose features enter at every level above the code.
        out_channels: of the linear output.
    """

    def __init__(
        self, channels: Sequence[int], skips: int, out_channels: int,
        norm_order: NormOrder = 'norm_first',
    ) -> None:
        super().__init__()
        self.entry = ResidualBlock(channels[-1], channels[-1], norm_order)
        self.ups = nn.ModuleList(
            UpBlock(coarse, fine, skips * fine, norm_order)
            for coarse, fine in pairwise(reversed(channels)))
        self.head = nn.Sequential(
            nn.Conv3d(channels[0], channels[0], 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv3d(channels[0], out_channels, 1))

    def forward(self, code: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Return (B, out, Z, Y, X) of the code and of the skips, fine to coarse."""
        volume = self.entry(code)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            volume = up(volume, skip)
        output: Tensor = self.head(volume)
        return output
