"""Fast up-projection (Laina et al., "Deeper Depth Prediction", 3DV 2016, Sec. 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Height and width of the kernels that compute the outputs at even rows and even columns, odd rows
# and even columns, even rows and odd columns, odd rows and odd columns.
_KERNELS = ((3, 3), (2, 3), (3, 2), (2, 2))


class UnpoolConvolution(nn.Module):
    """
    A 5x5 convolution of a map enlarged with zeros, as four convolutions of the small map.

    Up to the phase of the odd outputs: they look up and left, as in the release of GAD.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.phases = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, kernel, padding=1) for kernel in _KERNELS)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, 2H, 2W)."""
        height, width = features.shape[-2:]
        # The padding below and right of even kernels makes one row and column too many.
        even, odd_row, odd_column, odd = (
            phase(features)[..., :height, :width] for phase in self.phases)
        return F.pixel_shuffle(
            torch.stack((even, odd_column, odd_row, odd), dim=2).flatten(1, 2), 2)


class UpProjection(nn.Module):
    """Two enlarging branches, one of them refined, and their rectified sum."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.enlarge = UnpoolConvolution(in_channels, out_channels)
        self.enlarge_norm: nn.Module = nn.BatchNorm2d(out_channels)
        self.refine = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.refine_norm = nn.BatchNorm2d(out_channels)
        self.shortcut = UnpoolConvolution(in_channels, out_channels)
        self.shortcut_norm: nn.Module = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, 2H, 2W)."""
        refined = self.refine_norm(
            self.refine(torch.relu(self.enlarge_norm(self.enlarge(features)))))
        return torch.relu(refined + self.shortcut_norm(self.shortcut(features)))
