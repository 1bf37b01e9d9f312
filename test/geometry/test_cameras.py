"""Tests of pinhole cameras and stereo rigs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import CalibrationError
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig

CAMERA = PinholeCamera(fx=518.0, fy=519.0, cx=325.5, cy=253.7, height=480, width=640)

sizes = st.integers(16, 2000)


def test_halving_an_image_keeps_its_centre_and_its_field_of_view():
    half = PinholeCamera(500, 500, 319.5, 239.5, 480, 640).resized(240, 320)
    assert (half.fx, half.fy, half.cx, half.cy) == (250, 250, 159.5, 119.5)
    assert half.size == (240, 320)


@given(sizes, sizes)
def test_resizing_there_and_back_returns_the_same_camera(height, width):
    back = CAMERA.resized(height, width).resized(480, 640)
    np.testing.assert_allclose(dataclasses.astuple(back), dataclasses.astuple(CAMERA), rtol=1e-12)


@given(sizes, sizes)
def test_a_ray_meets_the_same_relative_place_of_a_resized_image(height, width):
    resized = CAMERA.resized(height, width)
    x, y = 0.21, -0.13
    assert (CAMERA.fx * x + CAMERA.cx + 0.5) / 640 == pytest.approx(
        (resized.fx * x + resized.cx + 0.5) / width)
    assert (CAMERA.fy * y + CAMERA.cy + 0.5) / 480 == pytest.approx(
        (resized.fy * y + resized.cy + 0.5) / height)


def test_cropping_moves_the_principal_point_only():
    window = CAMERA.cropped(top=10, left=-6, height=100, width=200)
    assert window == PinholeCamera(518.0, 519.0, 331.5, 243.7, 100, 200)


def test_matrix_is_the_projection_of_the_optical_frame():
    u, v, w = CAMERA.matrix @ [1.0, -1.0, 2.0]
    assert (u / w, v / w) == (325.5 + 259.0, 253.7 - 259.5)


@pytest.mark.parametrize('wrong', [
    {'fx': 0.0}, {'fy': -1.0}, {'cx': float('nan')}, {'fx': float('inf')}])
def test_an_uncalibrated_camera_is_refused(wrong):
    with pytest.raises(CalibrationError, match='calibrate'):
        dataclasses.replace(CAMERA, **wrong)


def test_an_empty_image_is_refused():
    with pytest.raises(CalibrationError, match='640x0'):
        dataclasses.replace(CAMERA, height=0)


def test_the_right_camera_sees_a_point_shifted_by_the_disparity():
    rig = StereoRig(CAMERA, CAMERA, 0.12)
    point = np.array([0.3, 0.1, 2.0, 1.0])
    left = CAMERA.matrix @ point[:3]
    right = CAMERA.matrix @ (rig.T_right_left @ point)[:3]
    assert (left[0] - right[0]) / point[2] == pytest.approx(CAMERA.fx * 0.12 / 2.0)


def test_resizing_a_rig_keeps_its_baseline():
    rig = StereoRig(CAMERA, CAMERA, 0.12).resized(240, 320)
    assert (rig.left, rig.right, rig.baseline_m) == (
        CAMERA.resized(240, 320), CAMERA.resized(240, 320), 0.12)


@pytest.mark.parametrize('baseline_m', [0.0, -0.12, 0.009, float('nan')])
def test_a_missing_or_reversed_baseline_asks_whether_the_eyes_are_swapped(baseline_m):
    with pytest.raises(CalibrationError, match='swapped'):
        StereoRig(CAMERA, CAMERA, baseline_m)


def test_eyes_of_different_sizes_are_refused_with_both_sizes():
    with pytest.raises(CalibrationError, match=r'640x480.*320x240'):
        StereoRig(CAMERA, CAMERA.resized(240, 320), 0.12)


def test_eyes_of_different_focal_length_are_not_rectified():
    with pytest.raises(CalibrationError, match='rectified'):
        StereoRig(CAMERA, dataclasses.replace(CAMERA, fx=520.0), 0.12)
