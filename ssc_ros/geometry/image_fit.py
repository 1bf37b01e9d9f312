"""Bring images of any size to the size a network expects, the calibration following."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera


@dataclass(frozen=True, slots=True)
class ImageFit:
    """
    An isotropic resize followed by a crop or zero padding.

    Isotropic, because a squeezed image shows a network shapes and depths it never saw.

    Attributes:
        scaled: camera after the resize.
        camera: camera of the final window.
        top, left: offset of the window in the scaled image; negative = padding.
    """

    scaled: PinholeCamera
    camera: PinholeCamera
    top: int
    left: int

    def apply(self, image: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        """Return the (h, w[, C]) window of an image of the original camera."""
        if image.shape[:2] != self.scaled.size:
            is_smaller = self.scaled.height < image.shape[0]
            method = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
            image = cv2.resize(
                image, (self.scaled.width, self.scaled.height),
                interpolation=cv2.INTER_NEAREST if nearest else method)
        return self._window(image)

    def _window(self, image: NDArray[Any]) -> NDArray[Any]:
        height, width = self.camera.size
        if (self.top, self.left) == (0, 0) and image.shape[:2] == (height, width):
            return image
        result = np.zeros((height, width, *image.shape[2:]), image.dtype)
        rows = slice(max(self.top, 0), min(self.top + height, image.shape[0]))
        columns = slice(max(self.left, 0), min(self.left + width, image.shape[1]))
        source = image[rows, columns]
        row, column = rows.start - self.top, columns.start - self.left
        result[row:row + source.shape[0], column:column + source.shape[1]] = source
        return result


def fit_camera(
    camera: PinholeCamera, size: tuple[int, int], *,
    focal_px: float | None = None, center: tuple[float, float] | None = None,
) -> ImageFit:
    """
    Plan the way from a camera's image to a network input of ``size`` (height, width).

    Args:
        focal_px: focal length the network was trained with; None scales the width to fit.
        center: principal point (cx, cy) to align with; None takes the middle of the window.

    >>> camera = PinholeCamera(500, 500, 319.5, 239.5, 480, 640)
    >>> fit_camera(camera, (240, 320)).camera == camera.resized(240, 320)
    True
    """
    height, width = size
    scale = width / camera.width if focal_px is None else focal_px / camera.fx
    scaled = camera.resized(
        max(round(camera.height * scale), 1), max(round(camera.width * scale), 1))
    if center is None:
        top, left = (scaled.height - height) // 2, (scaled.width - width) // 2
    else:
        left, top = round(scaled.cx - center[0]), round(scaled.cy - center[1])
    window = scaled.cropped(top=top, left=left, height=height, width=width)
    return ImageFit(scaled, window, top, left)
