"""
The image augmentation of AMMNet on tensors, so that it runs where the frames are kept.

It takes the same random draws as `training.datasets.nyu.augmentation` and agrees with it: exactly
in ids, within rounding of OpenCV's 8-bit interpolation and colours in images.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.datasets.nyu.augmentation import (
    FACTORS,
    MAX_BRIGHTNESS,
    MAX_HUE,
    PADDING_RGB,
    ImageChange,
)
from training.datasets.nyu.conventions import IMAGE_SIZE


def augment_picture(
    picture: Tensor, change: ImageChange, rng: np.random.Generator, photometric: str,
) -> Tensor:
    """Change a (3, H, W) uint8 image, or a (H, W) uint8 label map, whose padding is void."""
    if picture.dim() == 2:
        return change_ids(picture, change, padding=0)
    return distort_colors(change_image(picture, change), rng, photometric)


def change_ids(ids: Tensor, change: ImageChange, *, padding: int) -> Tensor:
    """Resize, crop, mirror and pad (..., H, W) ids; the resize takes the rounded-down place."""
    rows, columns = (
        torch.arange(new, device=ids.device) * old // new
        for new, old in zip((change.height, change.width), ids.shape[-2:], strict=True))
    height, width = IMAGE_SIZE
    kept = rows[change.top:change.top + height], columns[change.left:change.left + width]
    moved = ids[..., kept[0][:, None], kept[1]]
    return _padded(moved.flip(-1) if change.mirrors else moved, padding)


def change_image(image: Tensor, change: ImageChange) -> Tensor:
    """Resize, crop, mirror and pad a (3, H, W) uint8 image."""
    height, width = IMAGE_SIZE
    if (change.height, change.width) != tuple(image.shape[-2:]):
        image = F.interpolate(
            image[None].float(), (change.height, change.width), mode='bilinear',
            align_corners=False)[0].round().to(torch.uint8)
    image = image[:, change.top:change.top + height, change.left:change.left + width]
    if change.mirrors:
        image = image.flip(-1)
    return torch.stack([
        _padded(channel, value) for channel, value in zip(image, PADDING_RGB, strict=True)])


def _padded(plane: Tensor, value: int) -> Tensor:
    height, width = IMAGE_SIZE
    return F.pad(plane, (0, width - plane.shape[-1], 0, height - plane.shape[-2]), value=value)


def distort_colors(image: Tensor, rng: np.random.Generator, photometric: str) -> Tensor:
    """
    Change brightness, contrast, saturation and hue of a (3, H, W) uint8 image.

    Args:
        photometric: `uint8`, `official` or `none`; see `training.options.AmmnetData`.
    """
    if photometric == 'none':
        return image
    levels, is_float = image.float(), photometric == 'official'
    if rng.random() < 0.5:
        levels = _scaled(levels, 1.0, rng.uniform(-MAX_BRIGHTNESS, MAX_BRIGHTNESS))
        is_float = False
    steps: list[Callable[[Tensor, bool], tuple[Tensor, bool]]] = [
        lambda levels, is_float: (_saturated(levels, rng, is_float), is_float),
        lambda levels, is_float: (_turned(levels, rng, is_float), is_float)]
    contrast = (0 if rng.random() < 0.5 else 2,
                lambda levels, _: (_scaled(levels, rng.uniform(*FACTORS)), False))
    steps.insert(*contrast)
    for step in steps:
        if rng.random() < 0.5:
            levels, is_float = step(levels, is_float)
    return levels.clamp(0, 255).round().to(torch.uint8)


def _scaled(levels: Tensor, factor: float, offset: float = 0.0) -> Tensor:
    """Return whole levels, rounded down as a cast to 8 bits does."""
    return (levels * factor + offset).clamp(0, 255).floor()


def _saturated(levels: Tensor, rng: np.random.Generator, is_float: bool) -> Tensor:
    hue, saturation, value = _to_hsv(levels, is_float)
    return _to_rgb(hue, _scaled(saturation, rng.uniform(*FACTORS)), value, is_float)


def _turned(levels: Tensor, rng: np.random.Generator, is_float: bool) -> Tensor:
    hue, saturation, value = _to_hsv(levels, is_float)
    turned = (hue.floor() + int(rng.integers(-MAX_HUE, MAX_HUE))) % 180
    return _to_rgb(turned, saturation, value, is_float)


def _to_hsv(levels: Tensor, is_float: bool) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return OpenCV's hue, saturation and value.

    Of 8-bit images hue is 0..179 (half degrees) and saturation 0..255, both whole; of float ones
    0..360 and 0..1.
    """
    value, brightest = levels.max(dim=0)
    spread = value - levels.amin(dim=0)
    red, green, blue = levels
    safe = spread.clamp(min=1e-6)
    sector = torch.stack([
        (green - blue) / safe, (blue - red) / safe + 2, (red - green) / safe + 4])
    hue = sector.gather(0, brightest[None])[0].where(spread > 0, 0.0)
    degrees = (60 * hue) % 360
    saturation = (spread / value.clamp(min=1e-6)).where(value > 0, 0.0)
    if is_float:
        return degrees, saturation, value
    return (degrees / 2).round() % 180, (255 * saturation).round(), value


def _to_rgb(hue: Tensor, saturation: Tensor, value: Tensor, is_float: bool) -> Tensor:
    sector, share = (hue / 60, saturation) if is_float else (hue / 30, saturation / 255)
    shift = torch.tensor([5.0, 3.0, 1.0], device=hue.device)[:, None, None]
    position = (shift + sector) % 6
    fade = torch.minimum(position, 4 - position).clamp(0, 1)
    levels = value - value * share * fade
    return levels if is_float else levels.round().clamp(0, 255)
