"""Rectification of raw images with maps that are computed once per calibration."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import CalibrationError, DataError
from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.geometry.cameras import PinholeCamera


class Rectifier:
    """Undistorts and rectifies the images of one camera; the result obeys ``camera``."""

    def __init__(self, calibration: CameraCalibration) -> None:
        self.camera: PinholeCamera = calibration.rectified_camera()
        self._calibration = calibration
        self._raw_size = calibration.raw_camera().size
        self._maps: tuple[NDArray[Any], NDArray[Any]] | None = None

    def rectify(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Return the rectified (H, W[, C]) image; pixels from outside the raw image are black.

        Raises:
            DataError: the image has another size than the calibration says.
            CalibrationError: OpenCV cannot make sense of the calibration.
        """
        if image.shape[:2] != self._raw_size:
            raise DataError(
                f'image is {image.shape[1]}x{image.shape[0]} but its camera_info says '
                f'{self._raw_size[1]}x{self._raw_size[0]}: publish the calibration of this mode')
        if not self._calibration.is_distorted:
            return image
        if self._maps is None:
            # Not before the size is known to be that of an image: a damaged one is gigapixels.
            self._maps = _rectification_maps(self._calibration)
        result: NDArray[Any] = cv2.remap(
            image, self._maps[0], self._maps[1], cv2.INTER_LINEAR)
        return result


def _rectification_maps(
    calibration: CameraCalibration,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return OpenCV's fixed-point maps from rectified to raw pixels."""
    raw, rectified = calibration.raw_camera(), calibration.rectified_camera()
    is_fisheye = calibration.distortion_model == 'equidistant'
    coefficients = np.zeros(4) if is_fisheye and not len(calibration.D) else calibration.D
    make_maps: Any = (cv2.fisheye if is_fisheye else cv2).initUndistortRectifyMap
    try:
        map_1, map_2 = make_maps(
            raw.matrix, coefficients, calibration.R, rectified.matrix,
            (rectified.width, rectified.height), cv2.CV_16SC2)
    except cv2.error as error:
        raise CalibrationError(
            f'camera_info cannot be rectified with ({error.err}): calibrate the camera'
        ) from error
    return map_1, map_2
