"""Changes of training images that leave the voxels alone: crops, mirrors and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of 640 columns, in SATNet's training of Seg2DNet; the crop is as wide to as high as the image.
_CROP_SHARE = (480 / 640, 636 / 640)
# Principal components of the colours of ImageNet, scaled to their spread (Krizhevsky, 2012).
_COMPONENTS = np.array([
    [-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])
_SPREAD = np.array([55.46, 4.794, 1.148])
_STRENGTH = 0.1


@dataclass(frozen=True, slots=True)
class CropDraw:
    """
    One random crop.

    Attributes:
        top, left, height, width: of the part that is kept.
        mirrors: exchange left and right.
    """

    top: int
    left: int
    height: int
    width: int
    mirrors: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, size: tuple[int, ...]) -> CropDraw:
        """Draw a crop of an image of (height, width)."""
        share = rng.uniform(*_CROP_SHARE)
        height, width = (max(1, round(share * length)) for length in size)
        top, left = (int(rng.integers(whole - part + 1))
                     for whole, part in zip(size, (height, width), strict=True))
        return cls(top, left, height, width, bool(rng.random() < 0.5))

    def apply(self, image: NDArray[Any]) -> NDArray[Any]:
        """Cut the part out of (H, W, ...)."""
        part = image[self.top:self.top + self.height, self.left:self.left + self.width]
        return np.ascontiguousarray(part[:, ::-1] if self.mirrors else part)


def shift_colors(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add one random colour, drawn along the principal components of natural ones."""
    shift = _COMPONENTS @ (rng.normal(0, _STRENGTH, 3) * _SPREAD)
    return np.clip(np.rint(rgb + shift), 0, 255).astype(np.uint8)
