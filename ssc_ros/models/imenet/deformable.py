"""Deformable convolutions of images and volumes."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Implementation = Literal['deformable', 'plain']


class DeformConv2d(nn.Module):
    """Deformable 3x3 convolution (Dai et al., ICCV 2017), stride 1, padding = dilation."""

    def __init__(
        self, in_channels: int, out_channels: int, *, dilation: int = 1, groups: int = 1,
        implementation: Implementation = 'deformable',
    ) -> None:
        super().__init__()

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (B, C, H, W) to (B, out, H, W); 0 outside a (B, H, W) bool mask."""
        raise NotImplementedError


class DeformConv3d(nn.Module):
    """The same with 3x3x3 taps, over (B, C, X, Y, Z) and masks (B, X, Y, Z)."""

    def __init__(
        self, in_channels: int, out_channels: int, *, dilation: int = 1, groups: int = 1,
        implementation: Implementation = 'deformable',
    ) -> None:
        super().__init__()

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (B, C, X, Y, Z) to (B, out, X, Y, Z); 0 outside the mask."""
        raise NotImplementedError
