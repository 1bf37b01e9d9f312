"""CameraInfo values become cameras, or a clear refusal."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import CalibrationError
from ssc_ros.geometry.calibration import (
    CameraCalibration,
    RegionOfInterest,
    stereo_rig_from_calibrations,
)
from ssc_ros.geometry.rectification import Rectifier

K = np.array([[500.0, 0, 319.5], [0, 510.0, 239.5], [0, 0, 1]])


def calibration(**changes: object) -> CameraCalibration:
    values: dict[str, object] = {
        'width': 640, 'height': 480, 'K': K, 'D': np.zeros(5), 'R': np.eye(3),
        'P': np.hstack([K, np.zeros((3, 1))])}
    return CameraCalibration(**(values | changes))  # type: ignore[arg-type]


def right_projection(fx: float = 500.0, baseline_m: float = 0.12) -> np.ndarray:
    P = np.hstack([K, np.zeros((3, 1))])
    P[0, 0], P[0, 3] = fx, -fx * baseline_m
    return P


class TestRectifiedCamera:
    def test_takes_the_projection_not_the_raw_intrinsics(self) -> None:
        P = np.array([[400.0, 0, 300, 0], [0, 400, 200, 0], [0, 0, 1, 0]])
        camera = calibration(P=P).rectified_camera()
        assert (camera.fx, camera.cx, camera.cy) == (400, 300, 200)

    def test_falls_back_to_k_when_a_driver_leaves_p_empty(self) -> None:
        assert calibration(P=np.zeros((3, 4))).rectified_camera().fy == 510

    def test_eight_coefficients_are_rational_whatever_the_driver_calls_them(self) -> None:
        D = np.array([0.1, -0.05, 0.001, 0.002, 0.01, 0.2, -0.1, 0.03])
        assert calibration(D=D).is_distorted
        rational = Rectifier(calibration(D=D, distortion_model='rational_polynomial'))
        image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
        np.testing.assert_array_equal(
            Rectifier(calibration(D=D)).rectify(image), rational.rectify(image))

    def test_binning_divides_and_roi_shifts(self) -> None:
        camera = calibration(
            binning_x=2, binning_y=2,
            roi=RegionOfInterest(x_offset=100, y_offset=40, height=400, width=500),
        ).rectified_camera()
        assert camera.size == (200, 250)
        assert (camera.fx, camera.fy) == (250, 255)
        assert (camera.cx, camera.cy) == ((319.5 - 100) / 2, (239.5 - 40) / 2)


class TestRefusals:
    @pytest.mark.parametrize('changes, expected', [
        ({'K': np.zeros((3, 3)), 'P': np.zeros((3, 4))}, 'not calibrated'),
        ({'K': np.full((3, 3), np.nan)}, 'finite'),
        ({'P': np.full((3, 4), np.inf)}, 'finite'),
        ({'D': np.array([np.nan] * 5)}, 'D is not finite'),
        ({'D': np.zeros(7)}, '7 coefficients'),
        ({'distortion_model': 'kannala'}, 'kannala'),
        ({'K': np.zeros((2, 3))}, 'K must be'),
    ])
    def test_says_what_is_wrong(self, changes: dict[str, object], expected: str) -> None:
        with pytest.raises(CalibrationError, match=expected):
            calibration(**changes)

    def test_zero_baseline_names_the_entry_it_comes_from(self) -> None:
        with pytest.raises(CalibrationError, match=r'P\[3\]/P\[0\]'):
            stereo_rig_from_calibrations(calibration(), calibration())

    def test_swapped_eyes_are_noticed(self) -> None:
        with pytest.raises(CalibrationError, match='swapped'):
            stereo_rig_from_calibrations(calibration(P=right_projection()), calibration())

    def test_different_focal_lengths_are_refused(self) -> None:
        with pytest.raises(CalibrationError, match='differ'):
            stereo_rig_from_calibrations(calibration(), calibration(P=right_projection(fx=501.0)))

    def test_different_sizes_are_refused(self) -> None:
        with pytest.raises(CalibrationError, match='one size'):
            stereo_rig_from_calibrations(
                calibration(), calibration(P=right_projection(), width=320))


def test_baseline_is_the_difference_of_both_offsets() -> None:
    left, right = right_projection(baseline_m=-0.06), right_projection(baseline_m=0.47)
    rig = stereo_rig_from_calibrations(calibration(P=left), calibration(P=right))
    assert rig.baseline_m == pytest.approx(0.53)
