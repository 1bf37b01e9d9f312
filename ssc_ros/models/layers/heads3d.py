"""Heads that turn a voxel feature volume into class scores."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ssc_ros.models.layers.aspp3d import Aspp3D
from ssc_ros.models.layers.bottleneck3d import Process

TrunkKind = Literal['aspp', 'separable']


def head_trunk(channels: int, kind: TrunkKind = 'aspp') -> nn.Sequential:
    """
    Layers before the classifiers, (B, C, X, Y, Z) to the same shape.

    ``aspp`` is the published one: 3x3x3 convolution and pyramid. ``separable`` replaces its seven
    dense kernels by two decomposed bottlenecks.
    """
    if kind == 'separable':
        return Process(channels, (1, 2))
    return nn.Sequential(nn.Conv3d(channels, channels, 3, padding=1), nn.ReLU(), Aspp3D(channels))


class ClassHead(nn.Module):
    """Trunk and one 3x3x3 classifier: (B, C, X, Y, Z) to (B, num_classes, X, Y, Z)."""

    def __init__(self, channels: int, num_classes: int, trunk: TrunkKind = 'aspp') -> None:
        super().__init__()
        self.trunk = head_trunk(channels, trunk)
        self.classify = nn.Conv3d(channels, num_classes, 3, padding=1)

    def forward(self, volume: Tensor) -> Tensor:
        """Return class logits."""
        logits: Tensor = self.classify(self.trunk(volume))
        return logits


class CascadeHead(nn.Module):
    """Classifier that sees its own softmaxed free/occupied decision (OccDepth, Sec. 3.4)."""

    def __init__(self, channels: int, num_classes: int, trunk: TrunkKind = 'aspp') -> None:
        super().__init__()
        self.trunk = head_trunk(channels, trunk)
        self.classify_occupancy = nn.Conv3d(channels, 2, 3, padding=1)
        self.classify = nn.Conv3d(channels + 2, num_classes, 3, padding=1)

    def forward(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        """Return (class logits, occupancy logits with channel 0 = empty, 1 = occupied)."""
        features = self.trunk(volume)
        occupancy = self.classify_occupancy(features)
        known = torch.cat([features, torch.softmax(occupancy, dim=1)], dim=1)
        return self.classify(known), occupancy
