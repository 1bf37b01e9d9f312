"""Raw images become images that obey the rectified camera."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ssc_ros.errors import CalibrationError, DataError
from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.geometry.rectification import Rectifier
from ssc_ros.geometry.transforms import make_rigid

K = np.array([[200.0, 0, 159.5], [0, 200.0, 119.5], [0, 0, 1]])
DISTORTIONS = {
    'plumb_bob': [0.1, -0.05, 0.001, -0.002, 0.01],
    'rational_polynomial': [0.1, -0.05, 0.001, -0.002, 0.01, 0.02, 0.01, 0.005],
    'equidistant': [0.02, -0.01, 0.003, -0.001],
}


def calibration(model: str, D: list[float], yaw: float = 0.02) -> CameraCalibration:
    R = cv2.Rodrigues(np.array([0.0, yaw, 0.0]))[0]
    P = np.array([[190.0, 0, 160, 0], [0, 190, 120, 0], [0, 0, 1, 0]])
    return CameraCalibration(320, 240, K, np.array(D), R, P, model)


def raw_pixel(point: np.ndarray, model: str, D: list[float]) -> np.ndarray:
    """Project a point of the raw optical frame with OpenCV's own camera models."""
    zeros = np.zeros(3)
    if model == 'equidistant':
        return cv2.fisheye.projectPoints(
            point.reshape(1, 1, 3), zeros, zeros, K, np.array(D))[0].ravel()
    return cv2.projectPoints(point.reshape(1, 3), zeros, zeros, K, np.array(D))[0].ravel()


@pytest.mark.parametrize('model', DISTORTIONS)
def test_a_point_lands_where_the_rectified_camera_sees_it(model: str) -> None:
    rectifier = Rectifier(calibration(model, DISTORTIONS[model]))
    R = cv2.Rodrigues(np.array([0.0, 0.02, 0.0]))[0]
    for point_raw in np.array([[0.1, -0.2, 2.0], [-0.7, 0.4, 2.0], [0.9, 0.6, 2.0]]):
        u, v = raw_pixel(point_raw, model, DISTORTIONS[model])
        rows, columns = np.mgrid[:240, :320]
        image = (255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / 18)).astype(np.uint8)
        rectified = rectifier.rectify(image).astype(np.float64)
        found = [float((grid * rectified).sum() / rectified.sum()) for grid in (columns, rows)]
        x, y, z = R @ point_raw
        camera = rectifier.camera
        expected = [camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy]
        np.testing.assert_allclose(found, expected, atol=0.3)


def test_a_rectified_stream_passes_untouched() -> None:
    calibrated = CameraCalibration(
        320, 240, K, np.zeros(5), np.eye(3), make_rigid(K, np.zeros(3))[:3])
    image = np.zeros((240, 320, 3), np.uint8)
    assert Rectifier(calibrated).rectify(image) is image


def test_an_image_of_another_size_is_refused() -> None:
    rectifier = Rectifier(calibration('plumb_bob', DISTORTIONS['plumb_bob']))
    with pytest.raises(DataError, match='640x480'):
        rectifier.rectify(np.zeros((480, 640), np.uint8))


def test_no_map_is_made_for_a_size_that_no_image_has() -> None:
    damaged = replace(calibration('equidistant', DISTORTIONS['equidistant']), width=2**32 - 1)
    rectifier = Rectifier(damaged)  # maps of that size would take for ever
    with pytest.raises(DataError, match='camera_info says 4294967295x240'):
        rectifier.rectify(np.zeros((240, 320, 3), np.uint8))


def test_a_calibration_that_opencv_cannot_rectify_with_is_refused(monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise cv2.error('singular')

    monkeypatch.setattr(cv2, 'initUndistortRectifyMap', fail)
    rectifier = Rectifier(calibration('plumb_bob', DISTORTIONS['plumb_bob']))
    with pytest.raises(CalibrationError, match='calibrate the camera'):
        rectifier.rectify(np.zeros((240, 320, 3), np.uint8))
