"""sRGB and CIELAB under the white of D65, both brought to [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

# IEC 61966-2-1: linear sRGB to CIE XYZ, white D65.
_XYZ_OF_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
# CIE 15: where the cube root gives way to a line.
_DELTA = 6 / 29


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """
    Convert (B, 3, ...) sRGB in [0, 1] to L / 100, (a + 100) / 200, (b + 100) / 200.

    >>> rgb_to_lab(torch.ones(1, 3, 1)).flatten().round(decimals=3).tolist()
    [1.0, 0.5, 0.5]
    """
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    x, y, z = (_apply(_XYZ_OF_RGB, linear) / _column(_WHITE, linear)).unbind(dim=1)
    x, y, z = (torch.where(each > _DELTA ** 3, each.clamp(min=_DELTA ** 3) ** (1 / 3),
                           each / (3 * _DELTA ** 2) + 4 / 29) for each in (x, y, z))
    return torch.stack([
        1.16 * y - 0.16, 2.5 * (x - y) + 0.5, y - z + 0.5], dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert what ``rgb_to_lab`` returns back; colours that sRGB lacks are cut off."""
    lightness, a, b = lab.unbind(dim=1)
    y = (lightness + 0.16) / 1.16
    roots = torch.stack([y + (a - 0.5) / 2.5, y, y - (b - 0.5)], dim=1)
    ratios = torch.where(roots > _DELTA, roots ** 3, 3 * _DELTA ** 2 * (roots - 4 / 29))
    inverse = torch.linalg.inv(torch.tensor(_XYZ_OF_RGB, dtype=torch.float64)).tolist()
    linear = _apply(inverse, ratios * _column(_WHITE, ratios)).clamp(0, 1)
    bent = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, bent, 12.92 * linear).clamp(0, 1)


def _apply(matrix: tuple[tuple[float, ...], ...] | list[list[float]], colors: Tensor) -> Tensor:
    rows = torch.tensor(matrix, dtype=colors.dtype, device=colors.device)
    return torch.einsum('rc,bc...->br...', rows, colors)


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    column = torch.tensor(values, dtype=like.dtype, device=like.device)
    return column.view(1, 3, *[1] * (like.dim() - 2))
