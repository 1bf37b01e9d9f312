"""Padding of convolutions that were trained in TensorFlow."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SamePadding(nn.Module):
    """
    TensorFlow's SAME padding before an unpadded convolution of stride 2.

    A fixed pattern is right for even or for odd sizes only: a 185-row input would lose a row, and
    every deeper feature would be shifted.
    """

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size

    def forward(self, image: Tensor) -> Tensor:
        """Pad (B, C, H, W) so that the next convolution returns ceil(H / 2), ceil(W / 2)."""
        top, bottom = self._pad(image.shape[-2])
        left, right = self._pad(image.shape[-1])
        return F.pad(image, (left, right, top, bottom))

    def _pad(self, size: int) -> tuple[int, int]:
        total = max(((size + 1) // 2 - 1) * 2 + self.kernel_size - size, 0)
        return total // 2, total - total // 2
