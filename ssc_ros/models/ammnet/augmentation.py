"""Flips and a swap of the horizontal axes of volumes, and their inverse."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Augmentation3D(NamedTuple):
    """
    Three independent operations, applied in this order to (..., X, Y, Z) volumes.

    Attributes:
        flips_x: mirror left and right.
        flips_z: mirror near and far.
        swaps: exchange X and Z.
    """

    flips_x: bool = False
    flips_z: bool = False
    swaps: bool = False

    @classmethod
    def draw(cls, *, may_swap: bool = True, generator: torch.Generator | None = None,
             ) -> Augmentation3D:
        """Toss a fair coin for each operation, with torch's CPU generator by default."""
        flips_x, flips_z, swaps = (torch.rand(3, generator=generator) < 0.5).tolist()
        return cls(flips_x, flips_z, swaps and may_swap)

    def apply(self, volume: Tensor) -> Tensor:
        """Augment (..., X, Y, Z); swapping needs X = Z."""
        axes = [axis for axis, flips in ((-3, self.flips_x), (-1, self.flips_z)) if flips]
        flipped = volume.flip(axes) if axes else volume
        return flipped.transpose(-3, -1) if self.swaps else flipped

    def undo(self, volume: Tensor) -> Tensor:
        """Map (..., X, Y, Z) back: ``undo(apply(v))`` equals ``v``."""
        turned = volume.transpose(-3, -1) if self.swaps else volume
        axes = [axis for axis, flips in ((-3, self.flips_x), (-1, self.flips_z)) if flips]
        return turned.flip(axes) if axes else turned
