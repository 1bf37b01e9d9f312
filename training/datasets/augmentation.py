"""Random changes of training images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

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
