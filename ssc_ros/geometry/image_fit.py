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

    def undo(
        self, window: NDArray[Any], size: tuple[int, int], *, fill: float, nearest: bool = False,
    ) -> NDArray[Any]:
        """
        Bring a (h, w) map of the window back to the pixels of the original image.

        Args:
            size: (height, width) of the original image.
            fill: value of the pixels that the window does not show.
        """
        result = np.full(self.scaled.size, fill, window.dtype)
        own, shown = self._overlap(result.shape)
        result[own] = window[shown]
        if result.shape == size:
            return result
        method = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_LINEAR
        return np.asarray(
            cv2.resize(result, (size[1], size[0]), interpolation=method), window.dtype)

    def _window(self, image: NDArray[Any]) -> NDArray[Any]:
        height, width = self.camera.size
        if (self.top, self.left) == (0, 0) and image.shape[:2] == (height, width):
            return image
        result = np.zeros((height, width, *image.shape[2:]), image.dtype)
        source, target = self._overlap(image.shape[:2])
        result[target] = image[source]
        return result

    def _overlap(
        self, size: tuple[int, ...],
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return what image and window share: where it lies in the image, and in the window."""
        spans = [
            (max(offset, 0), max(min(offset + length, whole), offset, 0), offset)
            for offset, length, whole in zip(
                (self.top, self.left), self.camera.size, size, strict=True)]
        (rows, columns), (own_rows, own_columns) = (
            tuple(slice(start - shift, end - shift) for start, end, shift in placed)
            for placed in ([(start, end, 0) for start, end, _ in spans], spans))
        return (rows, columns), (own_rows, own_columns)


def contain_camera(
    camera: PinholeCamera, size: tuple[int, int], *, window: tuple[int, int] | None = None,
) -> ImageFit:
    """
    Plan a resize that shows the whole image within ``size``, the rest padded.

    Args:
        size: (height, width) that the image is scaled to fit into.
        window: (height, width) that is cut from the middle of it; None takes all of ``size``.

    >>> camera = PinholeCamera(500, 500, 319.5, 479.5, 960, 640)
    >>> contain_camera(camera, (240, 320)).scaled.size
    (240, 160)
    """
    scale = min(size[0] / camera.height, size[1] / camera.width)
    return fit_camera(camera, window or size, focal_px=camera.fx * scale)


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
