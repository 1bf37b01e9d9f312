"""Image decoder: encoder taps in, features of one width at 1/1, 1/2, 1/4 and 1/8 out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALES = (1, 2, 4, 8)


class UpBlock(nn.Module):
    """Resize to the skip's size, concatenate with it, convolve twice."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels), nn.LeakyReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels), nn.LeakyReLU())

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """Join (B, C1, h, w) and the (B, C2, H, W) skip into (B, out, H, W)."""
        features = F.interpolate(
            features, size=skip.shape[-2:], mode='bilinear', align_corners=True)
        joined: Tensor = self.body(torch.cat([features, skip.to(features.dtype)], dim=1))
        return joined


class ImageDecoder(nn.Module):
    """
    U-Net decoder of MonoScene (CVPR 2022) and OccDepth.

    Args:
        encoder_channels: of the six encoder taps, from the image itself to 1/32.
        feature_channels: of every output.
        widths: of the five up blocks from 1/16 to 1/1; by default halved at each of them.
        keeps_unused: own the 1/16 output layer, which nothing reads, for official checkpoints.
    """

    def __init__(
        self, encoder_channels: Sequence[int], feature_channels: int, *,
        widths: Sequence[int] | None = None, keeps_unused: bool = False,
    ) -> None:
        super().__init__()
        *skips, deepest = encoder_channels
        self.widths = tuple(widths or (deepest >> level for level in range(1, 6)))
        # The padding of a 1x1 convolution is an upstream accident that its weights rely on.
        self.entry = nn.Conv2d(deepest, deepest, 1, padding=1)
        self.up_blocks = nn.ModuleList(
            UpBlock(below + skip, width) for below, skip, width in zip(
                (deepest, *self.widths), reversed(skips), self.widths, strict=False))
        self.outputs = nn.ModuleDict({
            f'scale_{scale}': nn.Conv2d(width, feature_channels, 1)
            for scale, width in zip((16, 8, 4, 2, 1), self.widths, strict=True)
            if scale != 16 or keeps_unused})

    def forward(self, taps: Sequence[Tensor]) -> dict[int, Tensor]:
        """Return {scale: (B, feature_channels, ceil(H / scale), ceil(W / scale))}."""
        features = self.entry(taps[-1])
        outputs = {}
        for scale, block, skip in zip(
                (16, 8, 4, 2, 1), self.up_blocks, reversed(taps[:-1]), strict=True):
            features = block(features, skip)
            if scale in SCALES:
                outputs[scale] = self.outputs[f'scale_{scale}'](features)
        return outputs
