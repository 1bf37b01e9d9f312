"""SSCNet (Song et al., CVPR 2017) and a small relative: class scores of voxels from a TSDF."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ssc_ros.models.layers.bottleneck3d import Upsample

# Of the convolutions of the trunk's four residual sums.
TRUNK_DILATIONS = (1, 1, 2, 2)
_HEAD_DEVIATIONS = (0.1, 0.01, 0.01)
_SMALL_DETAIL_DIVISOR = 2


class ResidualPair(nn.Module):
    """Two 3x3x3 convolutions and a shortcut, rectified after the first and after their sum."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv3d(in_channels, out_channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv3d(out_channels, out_channels, 3, padding=dilation, dilation=dilation)
        self.reduction: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.reduction = nn.Conv3d(in_channels, out_channels, 1, bias=False)

    def forward(self, volume: Tensor) -> Tensor:
        """Map (B, in, X, Y, Z) to (B, out, X, Y, Z)."""
        return torch.relu(
            self.reduction(volume) + self.second(torch.relu(self.first(volume))))


class SSCNet(nn.Module):
    """
    The published network, without norms.

    Args:
        num_classes: of the scores.
        width: of the trunk, 64 as published; all other widths are multiples of it.
    """

    reads: ClassVar[tuple[str, ...]] = ('tsdf',)

    def __init__(self, num_classes: int = 12, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv3d(1, width // 4, 7, stride=2, padding=3)
        self.entry = ResidualPair(width // 4, width // 2)
        self.pool = nn.MaxPool3d(2, 2)
        self.trunk = nn.ModuleList(
            ResidualPair(width if index else width // 2, width, dilation)
            for index, dilation in enumerate(TRUNK_DILATIONS))
        self.head = nn.Sequential(
            nn.Conv3d(len(TRUNK_DILATIONS) * width, 2 * width, 1), nn.ReLU(),
            nn.Conv3d(2 * width, 2 * width, 1), nn.ReLU(),
            nn.Conv3d(2 * width, num_classes, 1))
        self._initialize()

    def _initialize(self) -> None:
        head = [module for module in self.head if isinstance(module, nn.Conv3d)]
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module, deviation in zip(head, _HEAD_DEVIATIONS, strict=True):
            nn.init.normal_(module.weight, std=deviation)

    def forward(self, tsdf: Tensor) -> Tensor:
        """Map a flipped TSDF (B, 1, 4X, 4Y, 4Z) to class scores (B, num_classes, X, Y, Z)."""
        features = self.pool(self.entry(torch.relu(self.stem(tsdf))))
        sums = []
        for pair in self.trunk:
            features = pair(features)
            sums.append(features)
        scores: Tensor = self.head(torch.cat(sums, dim=1))
        return scores


def _normed(in_channels: int, out_channels: int, *, stride: int = 1, dilation: int = 1) -> list[
        nn.Module]:
    return [
        nn.Conv3d(in_channels, out_channels, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm3d(out_channels), nn.ReLU()]


class NormedPair(nn.Module):
    """A residual pair of one width, with norms."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*_normed(channels, channels, dilation=dilation))
        self.second = nn.Sequential(*_normed(channels, channels, dilation=dilation)[:-1])

    def forward(self, volume: Tensor) -> Tensor:
        """Keep the shape."""
        return torch.relu(volume + self.second(self.first(volume)))


class SmallSSCNet(nn.Module):
    """
    SSCNet's trunk at half the grid's resolution, with norms, from a coarse TSDF; for robots.

    Args:
        num_classes: of the scores.
        width: of the trunk.
    """

    reads: ClassVar[tuple[str, ...]] = ('tsdf',)

    def __init__(self, num_classes: int = 12, width: int = 32) -> None:
        super().__init__()
        detail = width // _SMALL_DETAIL_DIVISOR
        self.stem = nn.Sequential(*_normed(1, detail))
        self.lower = nn.Sequential(*_normed(detail, width, stride=2))
        self.trunk = nn.ModuleList(NormedPair(width, dilation) for dilation in TRUNK_DILATIONS)
        self.up = Upsample(len(TRUNK_DILATIONS) * width, detail)
        self.classify = nn.Conv3d(detail, num_classes, 1)

    def forward(self, tsdf: Tensor) -> Tensor:
        """Map a TSDF (B, 1, X, Y, Z), even lengths, to class scores (B, num_classes, X, Y, Z)."""
        detail = self.stem(tsdf)
        features = self.lower(detail)
        sums = []
        for pair in self.trunk:
            features = pair(features)
            sums.append(features)
        scores: Tensor = self.classify(self.up(torch.cat(sums, dim=1)) + detail)
        return scores
