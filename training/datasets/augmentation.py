"""Random changes of training images."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.frames import RgbdFrame, StereoFrame

_GRAY = np.array([0.299, 0.587, 0.114], np.float32)


def jitter_frame(
    frame: StereoFrame | RgbdFrame, rng: np.random.Generator, strength: float, *, shared: bool,
) -> StereoFrame | RgbdFrame:
    """
    Change brightness, contrast and saturation by factors of 1 - strength to 1 + strength.

    Args:
        shared: give both eyes the same changes, as stereo matching needs; or each its own.
    """
    if not strength:
        return frame
    jitter = ColorJitter(rng, strength)
    if isinstance(frame, RgbdFrame):
        return replace(frame, rgb=jitter(frame.rgb))
    other = jitter if shared else ColorJitter(rng, strength)
    return replace(frame, left=jitter(frame.left), right=other(frame.right))


class ColorJitter:
    """One random draw of colour changes, applicable to several images."""

    def __init__(self, rng: np.random.Generator, strength: float) -> None:
        self.brightness, self.contrast, self.saturation = rng.uniform(
            1 - strength, 1 + strength, 3).astype(np.float32)
        changes = (self._brighten, self._stretch, self._saturate)
        self._changes = [changes[index] for index in rng.permutation(len(changes))]

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the changed (H, W, 3) RGB image."""
        result = image.astype(np.float32)
        for change in self._changes:
            result = np.clip(change(result), 0, 255)
        return np.rint(result).astype(np.uint8)

    def _brighten(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.multiply(image, self.brightness, dtype=np.float32)

    def _stretch(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        mean = (image @ _GRAY).mean()
        return mean + self.contrast * (image - mean)

    def _saturate(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        gray = (image @ _GRAY)[..., None]
        return gray + self.saturation * (image - gray)


def disturb_images(images: Tensor, seed: int, *, shared: bool) -> Tensor:
    """
    Blur, gray and erase (V, 3, H, W) normalized images: the "strong augmentation" of OccDepth.

    With probability 0.3 a Gaussian blur; with probability 0.3 grayscale (in a tenth of the cases)
    and an erased rectangle (in half of them).

    Args:
        shared: treat all views alike, or each on its own.
    """
    return torch.stack([
        _disturbed(image, np.random.default_rng([seed, 0 if shared else view]))
        for view, image in enumerate(images)])


def _disturbed(image: Tensor, rng: np.random.Generator) -> Tensor:
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    if rng.random() < 0.3:
        pixels = cv2.GaussianBlur(pixels, (3, 3), rng.uniform(0.1, 2.0))
    if rng.random() < 0.3:
        if rng.random() < 0.1:
            pixels = np.repeat((pixels @ _GRAY)[..., None], 3, axis=2)
        if rng.random() < 0.5:
            _erase(pixels, rng)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _erase(pixels: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Zero a rectangle of 1 to 2 % of the area, its sides up to 3 : 1."""
    height, width = pixels.shape[:2]
    area = rng.uniform(0.01, 0.02) * height * width
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(3.0)))
    rows, columns = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    pixels[top:top + rows, left:left + columns] = 0
