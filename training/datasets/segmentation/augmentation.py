"""Random changes of training images, as published: mirror, crop, gamma, brightness, colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.options import GadData

_GAMMA, _BRIGHTNESS, _GAIN = (0.8, 1.2), (0.8, 1.2), (0.9, 1.1)


@dataclass(frozen=True, slots=True)
class ImageDraw:
    """
    One random draw of changes; the default changes nothing.

    Attributes:
        mirrors: exchange left and right, after cropping.
        top, left: first row and column of the crop.
        gamma: exponent on colours in 0 to 1.
        gains: of the three colours, brightness included.
    """

    mirrors: bool = False
    top: int = 0
    left: int = 0
    gamma: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @classmethod
    def draw(
        cls, rng: np.random.Generator, data: GadData, size: tuple[int, int],
        crop: tuple[int, int],
    ) -> ImageDraw:
        """Draw the changes of an image of (height, width) that is cropped to another."""
        chance = data.color_probability
        gamma = rng.uniform(*_GAMMA) if rng.random() < chance else 1.0
        brightness = rng.uniform(*_BRIGHTNESS) if rng.random() < chance else 1.0
        gains = rng.uniform(*_GAIN, 3) if rng.random() < chance else np.ones(3)
        top, left = (int(rng.integers(whole - part + 1))
                     for whole, part in zip(size, crop, strict=True))
        red, green, blue = (brightness * gains).tolist()
        return cls(bool(rng.random() < data.flip_probability), top, left, float(gamma),
                   (red, green, blue))

    @classmethod
    def middle(cls, size: tuple[int, int], crop: tuple[int, int]) -> ImageDraw:
        """Return the crop of tests: the middle."""
        top, left = ((whole - part) // 2 for whole, part in zip(size, crop, strict=True))
        return cls(top=top, left=left)

    def cropped(self, image: Tensor, crop: tuple[int, int]) -> Tensor:
        """Crop and mirror (..., H, W): colours, labels and depth alike."""
        part = image[..., self.top:self.top + crop[0], self.left:self.left + crop[1]]
        return part.flip(-1) if self.mirrors else part

    def recolored(self, picture: Tensor) -> Tensor:
        """Change the first three channels of (C, H, W) uint8; what follows is no colour."""
        if self.gamma == 1 and self.gains == (1, 1, 1):
            return picture
        gains = torch.tensor(self.gains, device=picture.device).view(3, 1, 1)
        unit = (picture[:3].float() / 255) ** self.gamma * gains
        changed = (255 * unit).round().clamp(0, 255).to(torch.uint8)
        return torch.cat([changed, picture[3:]])
