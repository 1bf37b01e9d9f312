"""The interface of segmenters, and the networks of this package behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.labels import IGNORE_ID, LabelSpace, load_label_space
from ssc_ros.models.estimator import ImageEstimator, load_image_estimator

from .class_map import load_class_map

CONFIDENCE_MIN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """
    What a segmenter says about an image.

    Attributes:
        labels: (H, W) uint8 in the segmenter's label space, 255 = none.
        confidence: (H, W) float32 probability of the label.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]

    def confident(self, minimum: float = CONFIDENCE_MIN) -> NDArray[np.uint8]:
        """Return the labels, 255 where the segmenter is less sure than that."""
        return np.where(self.confidence < minimum, IGNORE_ID, self.labels).astype(np.uint8)


class Segmenter(Protocol):
    """
    Labels colour images of any size.

    Attributes:
        name: says in records which segmenter made the labels.
        label_space: the classes of its labels.
    """

    name: str
    label_space: LabelSpace

    def __call__(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Label an (H, W, 3) uint8 RGB image."""


def checked_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image that is one, else say what came."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise DataError(f'the image is {rgb.dtype} {rgb.shape}, expected uint8 RGB (H, W, 3)')
    return rgb


class EstimatorSegmenter:
    """
    A segmentation network of this package, e.g. GAD.

    Args:
        weights: name or path of a bundle, or `random:<network>/<preset>`.
        label_space: the classes wanted; a class map from the network's must be there.

    Raises:
        WeightsError: the bundle is missing or does not fit.
        ConfigurationError: there is no class map.
    """

    def __init__(
        self, weights: str | Path, label_space: str, *, device: str = 'auto',
        precision: str = 'auto',
    ) -> None:
        self.name = str(weights)
        self._estimator: ImageEstimator = load_image_estimator(
            weights, device=device, precision=precision)
        own = self._estimator.label_space
        self.label_space = load_label_space(label_space)
        self._table = load_class_map(own.name, label_space).table(own.names)

    def __call__(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Label an (H, W, 3) uint8 RGB image."""
        height, width = checked_rgb(rgb).shape[:2]
        # Labels do not depend on the field of view, which an image alone does not tell.
        camera = PinholeCamera(width, width, (width - 1) / 2, (height - 1) / 2, height, width)
        estimate = self._estimator(RgbFrame(rgb, camera))
        return Segmentation(self._table[estimate.image_labels], estimate.confidence)
