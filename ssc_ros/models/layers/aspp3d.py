"""Atrous spatial pyramid for voxel volumes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Aspp3D(nn.Module):
    """Sum of two-layer residual branches of different dilations (LMSCNet, 3DV 2020)."""

    def __init__(self, channels: int, dilations: Sequence[int] = (1, 2, 3)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                self._conv(channels, dilation), nn.BatchNorm3d(channels), nn.ReLU(),
                self._conv(channels, dilation), nn.BatchNorm3d(channels))
            for dilation in dilations)

    @staticmethod
    def _conv(channels: int, dilation: int) -> nn.Conv3d:
        return nn.Conv3d(
            channels, channels, 3, padding=dilation, dilation=dilation, bias=False)

    def forward(self, volume: Tensor) -> Tensor:
        """Map (B, C, X, Y, Z) to the same shape."""
        total = volume
        for branch in self.branches:
            total = total + branch(volume)
        return torch.relu(total)
