"""A segmenter without weights, for scenes that are painted by class."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels import IGNORE_ID, LabelSpace, load_label_space

from .class_map import load_class_map
from .segmenter import Segmentation, checked_rgb

MIN_VALUE = 12  # darker pixels have no hue that could be told from noise
GREY_SATURATION = 0.15
# Hues get unreliable towards grey: a pixel is believed in full from here on.
SURE_SATURATION = 0.4


def class_hues(space: LabelSpace) -> NDArray[np.float64]:
    """
    Return the hue of each class in turns, NaN for grey ones.

    Hues are spread evenly over all classes but the wall (grey) and the empty one.
    """
    hues = np.full(len(space), np.nan)
    colored = [i for i in space.occupied_ids if space.names[i] != 'wall']
    hues[colored] = np.arange(len(colored)) / len(colored)
    return hues


def class_color(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """Return the sRGB colour in 0..1 of a class, grey where its hue is NaN."""
    if np.isnan(hue):
        return value, value, value
    return colorsys.hsv_to_rgb(hue, saturation, value)


class ColorSegmenter:
    """
    Reads classes off the hues of `class_hues`; deterministic, right up to noise and shadows.

    Synthetic scans whose surfaces are painted by class are its world.

    Args:
        painted: the label space whose classes have the hues.
        label_space: the classes wanted; None takes the same.

    Raises:
        ConfigurationError: there is no class map between the two.
    """

    def __init__(self, painted: str, label_space: str | None = None) -> None:
        self.name = 'colors'
        space = load_label_space(painted)
        class_map = load_class_map(painted, label_space or painted)
        self.label_space, self._table = class_map.target, class_map.table(space.names)
        hues = class_hues(space)
        self._ids = np.flatnonzero(np.isfinite(hues)).astype(np.uint8)
        self._hues = hues[self._ids]
        self._grey = space.names.index('wall')

    def __call__(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Label an (H, W, 3) uint8 RGB image; near-black pixels have no class."""
        values = checked_rgb(rgb).astype(np.float32)
        high, low = values.max(-1), values.min(-1)
        spread = high - low
        saturation = spread / np.maximum(high, 1)
        hue = _hue(values, high, spread)
        distance = np.abs((hue[..., None] - self._hues + 0.5) % 1 - 0.5)
        labels = self._ids[distance.argmin(-1)]
        is_grey = saturation < GREY_SATURATION
        labels = np.where(is_grey, self._grey, labels)
        labels = np.where(high < MIN_VALUE, IGNORE_ID, labels).astype(np.uint8)
        margin = 1 - 2 * distance.min(-1) * len(self._hues)
        sure = np.clip(saturation / SURE_SATURATION, 0, 1) * np.clip(margin, 0, 1)
        confidence = np.where(is_grey, 1 - saturation / GREY_SATURATION, sure)
        # From 0.5 in doubt to 1: argmax over two classes never believes less in the better one.
        return Segmentation(self._table[labels], (0.5 + confidence / 2).astype(np.float32))


def _hue(values: NDArray[np.float32], high: NDArray[np.float32], spread: NDArray[np.float32],
         ) -> NDArray[np.float32]:
    """Return the hue in turns of colours whose largest and spread channels are known."""
    red, green, blue = np.moveaxis(values, -1, 0)
    safe = np.maximum(spread, 1e-6)
    sector = np.select(
        [high == red, high == green], [(green - blue) / safe, 2 + (blue - red) / safe],
        4 + (red - green) / safe)
    return (sector / 6) % 1


def corrupted_labels(
    labels: NDArray[np.uint8], share: float, num_classes: int, rng: np.random.Generator, *,
    tile_px: int = 16,
) -> NDArray[np.uint8]:
    """
    Return labels of which a share of tiles carries a wrong class: segmenters err by regions.

    All pixels of one class in a tile change to the same other class; 255 stays.
    """
    height, width = labels.shape
    rows, columns = -(-height // tile_px), -(-width // tile_px)
    shift = rng.integers(1, num_classes, (rows, columns))
    shift *= rng.random((rows, columns)) < share
    shifts = np.repeat(np.repeat(shift, tile_px, 0), tile_px, 1)[:height, :width]
    wrong = (labels.astype(np.int64) + shifts) % num_classes
    return np.where(labels == IGNORE_ID, IGNORE_ID, wrong).astype(np.uint8)
