"""Trilinear interpolation between voxel centres."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Corners:
    """
    The eight voxels around each of N points.

    Points outside the volume take its outermost cell.

    Args:
        points: x, y, z, each (N,), in voxels.
        shape: (Z, Y, X) of the volume.

    Attributes:
        fractions: x, y, z, each (N,): how far a point lies towards the next voxel, 0 to 1.
    """

    def __init__(self, points: Sequence[Tensor], shape: tuple[int, int, int]) -> None:
        self._shape = shape
        cells = [
            point.to(torch.int32).clamp_(0, length - 2)
            for point, length in zip(points, shape[::-1], strict=True)]
        self.fractions = [point - cell for point, cell in zip(points, cells, strict=True)]
        self._lowest = linear(cells, shape)

    def voxels(self) -> Tensor:
        """Return (8, N) int32 linear indices, x fastest."""
        _, y, x = self._shape
        steps = [i * y * x + j * x + k for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        return self._lowest + torch.tensor(
            steps, dtype=torch.int32, device=self._lowest.device)[:, None]

    def weights(self) -> Tensor:
        """Return (8, N) weights of :meth:`voxels`; they add to 1."""
        x, y, z = (torch.stack([1 - part, part]) for part in self.fractions)
        return (z[:, None, None] * y[:, None] * x).flatten(0, 2)

    def values(self, volume: Tensor) -> Tensor:
        """Return what a flat volume (V,) holds at the corners: (2, 2, 2, N) along z, y, x."""
        return volume.index_select(0, self.voxels().flatten()).view(2, 2, 2, -1)

    def interpolate(self, values: Tensor) -> Tensor:
        """Interpolate (2, 2, 2, N) values: (N,); not a number where one corner is not."""
        for part in self.fractions:
            # A weight of 0 passes on that a corner is not a number: 0 * nan is nan.
            values = _along_last(values, part)
        return values

    def gradient(self, values: Tensor) -> Tensor:
        """Return the slopes (3, N) of the interpolant along x, y, z, per voxel."""
        x, y, z = self.fractions
        along_x = values[:, :, 1] - values[:, :, 0]
        flat_x = _along_last(values, x)
        along_y = flat_x[:, 1] - flat_x[:, 0]
        flat_y = _along_last(flat_x, y)
        return torch.stack([
            _along_last(_along_last(along_x, y), z), _along_last(along_y, z),
            flat_y[1] - flat_y[0]])


def linear(cells: Sequence[Tensor], shape: tuple[int, int, int]) -> Tensor:
    """Return the index, x fastest, of cells given as x, y, z."""
    x, y, z = cells
    return torch.add(x, torch.add(y, z, alpha=shape[1]), alpha=shape[2])


def nearest_voxels(points: Sequence[Tensor], shape: tuple[int, int, int]) -> Tensor:
    """Return the linear index of the voxel nearest to each point: (N,) int32."""
    return linear([
        (point + 0.5).to(torch.int32).clamp_(0, length - 1)
        for point, length in zip(points, shape[::-1], strict=True)], shape)


def _along_last(values: Tensor, fraction: Tensor) -> Tensor:
    """Interpolate (..., 2, N) to (..., N)."""
    return torch.lerp(values[..., 0, :], values[..., 1, :], fraction)
