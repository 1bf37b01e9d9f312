"""Rectification of raw images with maps that are computed once per calibration."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.geometry.cameras import PinholeCamera


class Rectifier:
    """Undistorts and rectifies the images of one camera; the result obeys ``camera``."""

    def __init__(self, calibration: CameraCalibration) -> None:
        self.camera: PinholeCamera = calibration.rectified_camera()
        self._raw_size = calibration.raw_camera().size
        self._maps = _rectification_maps(calibration) if calibration.is_distorted else None

    def rectify(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Return the rectified (H, W[, C]) image; pixels from outside the raw image are black.

        Raises:
            DataError: the image has another size than the calibration says.
        """
        if image.shape[:2] != self._raw_size:
            raise DataError(
                f'image is {image.shape[1]}x{image.shape[0]} but its camera_info says '
                f'{self._raw_size[1]}x{self._raw_size[0]}: publish the calibration of this mode')
        if self._maps is None:
            return image
        result: NDArray[Any] = cv2.remap(
            image, self._maps[0], self._maps[1], cv2.INTER_LINEAR)
        return result


def _rectification_maps(
    calibration: CameraCalibration,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return OpenCV's fixed-point maps from rectified to raw pixels."""
    raw, rectified = calibration.raw_camera(), calibration.rectified_camera()
    size = (rectified.width, rectified.height)
    map_1: NDArray[Any]
    map_2: NDArray[Any]
    arguments = (raw.matrix, calibration.D, calibration.R, rectified.matrix, size, cv2.CV_16SC2)
    if calibration.distortion_model == 'equidistant':
        coefficients = calibration.D if len(calibration.D) else np.zeros(4)
        map_1, map_2 = cv2.fisheye.initUndistortRectifyMap(
            raw.matrix, coefficients, calibration.R, rectified.matrix, size, cv2.CV_16SC2)
    else:
        map_1, map_2 = cv2.initUndistortRectifyMap(*arguments)
    return map_1, map_2
