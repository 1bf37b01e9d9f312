"""Image encoders: EfficientNet and a small plain convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from ssc_ros.models.occdepth.efficientnet import EfficientNetEncoder


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a residual; the first may halve the resolution."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels), nn.SiLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels))

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, ceil(H / stride), ceil(W / stride))."""
        return F.silu(self.body(image) + self.shortcut(image))


class PlainEncoder(nn.Module):
    """
    Five strided stages of ordinary 3x3 convolutions.

    For CPUs, where depthwise convolutions are memory bound: faster than EfficientNet-B0 there.
    """

    channels: tuple[int, ...] = (3, 16, 32, 64, 96, 128)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.SiLU())
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(in_channels, out_channels, stride=2),
                ResidualBlock(out_channels, out_channels))
            for in_channels, out_channels in zip(
                self.channels[1:], self.channels[2:], strict=False))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map a (B, 3, H, W) image to itself and features at 1/2, 1/4, 1/8, 1/16 and 1/32."""
        tapped = [image, self.stem(image)]
        for stage in self.stages:
            tapped.append(stage(tapped[-1]))
        return tapped


def make_encoder(name: str) -> EfficientNetEncoder | PlainEncoder:
    """Build ``plain`` or one of :data:`~efficientnet.EFFICIENTNETS`, with random weights."""
    if name == 'plain':
        return PlainEncoder()
    # transformers takes seconds to import, and a robot with the plain network does without.
    from ssc_ros.models.occdepth.efficientnet import EfficientNetEncoder

    return EfficientNetEncoder(name)
