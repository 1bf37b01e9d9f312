"""Tests of the preparation of frames for the fusion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import (
    corner_aligned,
    filtered_depth,
    nearest_pixels,
    prepare_frame,
)
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.geometry.cameras import PinholeCamera

DEPTH_CAMERA = PinholeCamera(577.0, 578.0, 319.5, 239.5, 480, 640)
COLOR_CAMERA = PinholeCamera(1170.0, 1170.0, 647.5, 483.5, 968, 1296)


def frame(depth_m: np.ndarray, pose: np.ndarray | None = None) -> PosedFrame:
    rgb = np.zeros((*COLOR_CAMERA.size, 3), np.uint8)
    rgb[0, 0], rgb[-1, -1] = 10, 20
    return PosedFrame('7', depth_m, rgb, DEPTH_CAMERA, COLOR_CAMERA,
                      np.eye(4) if pose is None else pose)


def slow_filter(depth, sigma_px, sigma_m):
    """Filter pixel by pixel."""
    result, radius = np.zeros_like(depth), int(np.ceil(2 * sigma_px))
    for row, column in np.argwhere(depth > 0):
        rows = slice(max(row - radius, 0), row + radius + 1)
        columns = slice(max(column - radius, 0), column + radius + 1)
        v, u = np.mgrid[:depth.shape[0], :depth.shape[1]][:, rows, columns]
        near = depth[rows, columns]
        weight = np.where(near > 0, np.exp(
            -((v - row) ** 2 + (u - column) ** 2) / (2 * sigma_px ** 2)
            - (near - depth[row, column]) ** 2 / (2 * sigma_m ** 2)), 0)
        result[row, column] = (weight * near).sum() / weight.sum()
    return result


def test_corner_pixels_stay_at_the_corners_and_so_do_intrinsics():
    image = np.arange(480 * 640).reshape(480, 640)
    small = nearest_pixels(image, (240, 320))
    assert small[0, 0] == image[0, 0] and small[-1, -1] == image[-1, -1]
    camera = corner_aligned(DEPTH_CAMERA, 240, 320)
    assert (camera.fx, camera.fy) == (577.0 / 2, 578.0 / 2)
    assert camera.cx == pytest.approx(319.5 * 319 / 639)
    assert camera.cy == pytest.approx(239.5 * 239 / 479)


def test_depth_and_colour_come_out_at_one_size():
    prepared = prepare_frame(frame(np.full((480, 640), 2, np.float32)), FusionSettings())
    assert prepared.depth_m.shape == (240, 320) and prepared.rgb.shape == (240, 320, 3)
    assert (prepared.rgb[0, 0] == 10).all() and (prepared.rgb[-1, -1] == 20).all()
    np.testing.assert_allclose(prepared.depth_m, 2, rtol=1e-6)


@pytest.mark.parametrize('impossible', [0, 0.05, 12.5, -1, np.nan, np.inf])
def test_impossible_depth_is_missing_and_does_not_spread(impossible):
    depth = np.full((480, 640), 2, np.float32)
    depth[:, :320] = impossible
    prepared = prepare_frame(frame(depth), FusionSettings())
    assert (prepared.depth_m[:, :160] == 0).all()
    np.testing.assert_allclose(prepared.depth_m[:, 160:], 2, rtol=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_filter_weighs_valid_neighbours_by_distance_and_depth(seed):
    random = np.random.default_rng(seed)
    depth = (1 + 0.2 * random.random((9, 12))).astype(np.float32)
    depth[random.random(depth.shape) < 0.3] = 0
    expected = slow_filter(depth, 1.5, 0.1)
    np.testing.assert_allclose(filtered_depth(depth, 1.5, 0.1), expected, rtol=1e-5)


def test_a_step_in_depth_stays_a_step():
    depth = np.full((20, 20), 1, np.float32)
    depth[:, 10:] = 2
    np.testing.assert_allclose(filtered_depth(depth, 2.0, 0.1), depth, rtol=1e-6)


def test_a_frame_whose_tracking_was_lost_is_refused():
    lost = frame(np.full((480, 640), 2, np.float32), np.full((4, 4), -np.inf))
    assert not lost.is_tracked
    with pytest.raises(DataError, match='tracking was lost'):
        prepare_frame(lost, FusionSettings())


def test_a_depth_image_of_another_size_than_its_camera_is_refused():
    with pytest.raises(DataError, match='frame 7: depth is'):
        frame(np.ones((240, 320), np.float32))
