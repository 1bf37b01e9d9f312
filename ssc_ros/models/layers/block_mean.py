"""Average pooling of volumes in any number format."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BlockMean(nn.Module):
    """
    Mean over blocks of (x, y, z) voxels, as ``nn.AvgPool3d`` of that kernel and stride.

    Torch's own has no half-precision code for CPUs, and is slow where channels are last.
    """

    def __init__(self, block: tuple[int, int, int]) -> None:
        super().__init__()
        self.block = block

    def forward(self, volume: Tensor) -> Tensor:
        """Map (B, C, X, Y, Z) to (B, C, X // x, Y // y, Z // z)."""
        count = 1
        for axis, size in enumerate(self.block, start=2):
            if size == 1:
                continue
            whole = volume.narrow(axis, 0, volume.shape[axis] // size * size)
            first, *rest = (_every(whole, axis, size, start) for start in range(size))
            volume = torch.add(first, rest[0])
            for part in rest[1:]:
                volume += part
            count *= size
        return volume / count if count > 1 else volume


def _every(volume: Tensor, axis: int, step: int, start: int) -> Tensor:
    index = [slice(None)] * volume.ndim
    index[axis] = slice(start, None, step)
    return volume[tuple(index)]


def replace_average_pools(module: nn.Module) -> None:
    """Put a :class:`BlockMean` into the place of every ``AvgPool3d`` that pools blocks."""
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.AvgPool3d) and child.kernel_size == child.stride:
                x, y, z = child.kernel_size  # type: ignore[misc]
                setattr(parent, name, BlockMean((x, y, z)))
