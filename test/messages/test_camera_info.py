from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ssc_ros.errors import CalibrationError, MessageError, SscError
from ssc_ros.geometry.calibration import CameraCalibration, RegionOfInterest
from ssc_ros.messages.camera_info import decode_camera_info, encode_camera_info
from ssc_ros.messages.headers import make_header

K = [500.0, 0, 320, 0, 510, 240, 0, 0, 1]
P = [480.0, 0, 318, -48, 0, 480, 238, 0, 0, 0, 1, 0]


def make_info(**changes):
    roi = {'x_offset': 0, 'y_offset': 0, 'height': 0, 'width': 0}
    fields = {
        'width': 640, 'height': 480, 'distortion_model': 'plumb_bob', 'd': [0.1, 0, 0, 0, 0],
        'k': K, 'r': np.eye(3).reshape(-1), 'p': P, 'binning_x': 0, 'binning_y': 0,
        'roi': SimpleNamespace(**{**roi, **changes.pop('roi', {})})}
    return SimpleNamespace(**{**fields, **changes})


@pytest.mark.ros
def test_a_calibration_survives_the_way_there_and_back():
    calibration = CameraCalibration(
        640, 480, np.reshape(K, (3, 3)), np.arange(8) / 100, np.eye(3)[[1, 0, 2]],
        np.reshape(P, (3, 4)), 'rational_polynomial', 2, 2, RegionOfInterest(10, 20, 400, 600))
    msg = encode_camera_info(calibration, make_header(3, 'left'))
    decoded = decode_camera_info(msg)
    for name in 'KDRP':
        np.testing.assert_array_equal(getattr(decoded, name), getattr(calibration, name))
    for name in ('width', 'height', 'distortion_model', 'binning_x', 'binning_y', 'roi'):
        assert getattr(decoded, name) == getattr(calibration, name)
    assert msg.header.frame_id == 'left'


def test_rows_of_the_message_become_rows_of_the_matrices():
    calibration = decode_camera_info(make_info())
    assert calibration.P[0, 3] == -48 and calibration.K[1].tolist() == [0, 510, 240]
    assert calibration.rectified_camera().fx == 480


def test_a_rotation_left_at_zero_means_none():
    np.testing.assert_array_equal(decode_camera_info(make_info(r=[0.0] * 9)).R, np.eye(3))


def test_an_uncalibrated_or_broken_camera_is_refused():
    with pytest.raises(CalibrationError, match='not calibrated'):
        decode_camera_info(make_info(k=[0.0] * 9, p=[0.0] * 12))
    with pytest.raises(CalibrationError, match='finite'):
        decode_camera_info(make_info(k=[np.nan, *K[1:]]))
    with pytest.raises(CalibrationError, match='distortion model'):
        decode_camera_info(make_info(distortion_model='fisheye62'))


@pytest.mark.parametrize(('change', 'reason'), [
    ({'width': 0}, '0x480 pixels, expected the size of the image'),
    ({'k': K[:8]}, 'k has 8 values, expected 9'),
    ({'p': []}, 'p has 0 values, expected 12'),
    ({'roi': {'x_offset': 600, 'width': 100}}, 'leaves the image'),
    ({'roi': {'y_offset': 1, 'height': 480}}, 'leaves the image'),
])
def test_malformed_messages_name_what_came_and_the_remedy(change, reason):
    with pytest.raises(MessageError, match=reason) as caught:
        decode_camera_info(make_info(**change))
    assert isinstance(caught.value, SscError)
