"""A stride-2 transposed convolution as eight ordinary ones, one per parity of the output."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Parity(NamedTuple):
    """Which half of every axis: 0 = even indices, 1 = odd ones."""

    x: int
    y: int
    z: int

    def of(self, volume: Tensor) -> Tensor:
        """Return the view of (B, X, Y, Z, C) at this parity."""
        return volume[:, self.x::2, self.y::2, self.z::2]


PARITIES = tuple(Parity(x, y, z) for x, y, z in product((0, 1), repeat=3))


class ParityUpsample(nn.Module):
    """
    What ``Upsample`` computes, one parity after the other and ready for matrix products.

    The output voxels of one parity form a volume of the input's size, which an ordinary
    convolution with a kernel of one (even) or two (odd) taps per axis computes. Consumers that
    work voxel by voxel take these small volumes while they are in the cache, and the large one
    never exists.

    Args:
        upsample: the layer; its batch norm is folded into its convolution already.
    """

    def __init__(self, upsample: nn.Module) -> None:
        super().__init__()
        convolution: Any = next(upsample.children())
        weight, bias = convolution.weight.detach(), convolution.bias
        if convolution.stride != (2, 2, 2):
            raise ValueError(f'{convolution} does not split by parity: its stride must be 2')
        self.bias = nn.Parameter(bias.detach(), requires_grad=False)
        self.kernels = nn.ParameterList(
            nn.Parameter(self._kernel(weight, parity), requires_grad=False)
            for parity in PARITIES)

    @staticmethod
    def _kernel(weight: Tensor, parity: Parity) -> Tensor:
        # Output 2i reads tap 1 at input i; output 2i + 1 reads tap 2 at i and tap 0 at i + 1.
        x, y, z = (torch.tensor([2, 0] if odd else [1], device=weight.device) for odd in parity)
        taps = weight[:, :, x][:, :, :, y][..., z].transpose(0, 1)
        return taps.contiguous(memory_format=torch.channels_last_3d)

    def forward(self, volume: Tensor) -> Iterator[tuple[Parity, Tensor]]:
        """Yield rows (B * X * Y * Z, out), rectified, of (B, in, X, Y, Z), for each parity."""
        for parity, kernel in zip(PARITIES, self.kernels, strict=True):
            padded = F.pad(volume, (0, parity.z, 0, parity.y, 0, parity.x)) if any(parity) else (
                volume)
            raised = F.conv3d(
                padded.contiguous(memory_format=torch.channels_last_3d), kernel, self.bias)
            yield parity, rows_of(raised).relu_()

    def whole(self, volume: Tensor) -> Tensor:
        """Return (B, out, 2X, 2Y, 2Z)."""
        batch, (x, y, z) = len(volume), volume.shape[2:]
        raised = volume.new_empty(batch, 2 * x, 2 * y, 2 * z, len(self.bias))
        for parity, rows in self(volume):
            parity.of(raised).copy_(rows.view(batch, x, y, z, -1))
        return raised.permute(0, 4, 1, 2, 3)


def rows_of(volume: Tensor) -> Tensor:
    """Return (B * X * Y * Z, C) of (B, C, X, Y, Z), without a copy where channels are last."""
    return volume.permute(0, 2, 3, 4, 1).reshape(-1, volume.shape[1])
