"""Images of any size reach the network's size, the calibration following."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.image_fit import contain_camera, fit_camera


@given(
    height=st.integers(30, 900), width=st.integers(40, 1300),
    target=st.sampled_from([(240, 320), (370, 1220), (480, 640)]))
def test_result_always_has_the_asked_size(
    height: int, width: int, target: tuple[int, int],
) -> None:
    camera = PinholeCamera(400.0, 400.0, width / 2, height / 2, height, width)
    fit = fit_camera(camera, target)
    assert fit.camera.size == target
    assert fit.apply(np.zeros((height, width, 3), np.uint8)).shape == (*target, 3)


def test_a_kitti_image_is_only_cropped_at_the_right_and_bottom() -> None:
    camera = PinholeCamera(718.856, 718.856, 607.1928, 185.2157, 376, 1241)
    fit = fit_camera(camera, (370, 1220), focal_px=718.856, center=(607.1928, 185.2157))
    image = np.arange(376 * 1241 * 3, dtype=np.uint32).astype(np.uint8).reshape(376, 1241, 3)
    np.testing.assert_array_equal(fit.apply(image), image[:370, :1220])
    assert (fit.camera.fx, fit.camera.cx, fit.camera.cy) == (718.856, 607.1928, 185.2157)


def test_a_marked_pixel_stays_under_its_ray() -> None:
    camera = PinholeCamera(700.0, 700.0, 655.0, 345.0, 720, 1280)
    fit = fit_camera(camera, (240, 320))
    image = np.zeros((720, 1280), np.float32)
    image[348:356, 604:612] = 1.0
    fitted = fit.apply(image)
    rows, columns = np.mgrid[:240, :320]
    u, v = (float((grid * fitted).sum() / fitted.sum()) for grid in (columns, rows))
    x, y = (607.5 - camera.cx) / camera.fx, (351.5 - camera.cy) / camera.fy
    np.testing.assert_allclose(
        [u, v],
        [fit.camera.fx * x + fit.camera.cx, fit.camera.fy * y + fit.camera.cy], atol=0.05)


def test_padding_is_black_and_shifts_the_principal_point() -> None:
    camera = PinholeCamera(300.0, 300.0, 159.5, 89.5, 180, 320)
    fit = fit_camera(camera, (240, 320))
    image = np.full((180, 320), 7, np.uint8)
    fitted = fit.apply(image)
    assert fit.camera.cy == 89.5 + 30
    assert (fitted[:30] == 0).all() and (fitted[30:210] == 7).all() and (fitted[210:] == 0).all()


@given(
    height=st.integers(8, 700), width=st.integers(8, 900),
    target=st.sampled_from([(240, 320), (228, 304), (64, 32)]))
def test_a_contained_image_is_seen_whole_and_its_labels_come_back_to_its_pixels(
    height: int, width: int, target: tuple[int, int],
) -> None:
    camera = PinholeCamera(400.0, 400.0, width / 2, height / 2, height, width)
    fit = contain_camera(camera, target)
    assert fit.camera.size == target
    assert fit.scaled.height <= target[0] and fit.scaled.width <= target[1]
    labels = np.zeros((height, width), np.uint8)
    labels[:, width // 2:] = 1
    labels[height // 2:] += 2
    restored = fit.undo(
        fit.apply(labels, nearest=True), (height, width), fill=255, nearest=True)
    assert restored.shape == (height, width)
    is_wrong = restored != labels
    # Only pixels beside an edge may change sides, as far as one network pixel reaches.
    reach = max(height / fit.scaled.height, width / fit.scaled.width) + 1
    rows, columns = np.nonzero(is_wrong)
    assert (np.minimum(abs(rows - height // 2), abs(columns - width // 2)) <= reach).all()


def test_an_image_of_the_networks_size_comes_back_untouched() -> None:
    camera = PinholeCamera(260.0, 260.0, 159.5, 119.5, 240, 320)
    fit = contain_camera(camera, (240, 320))
    picture = np.random.default_rng(0).random((240, 320)).astype(np.float32)
    np.testing.assert_array_equal(
        fit.undo(fit.apply(picture), (240, 320), fill=0.0), picture)


def test_what_the_window_does_not_show_is_filled() -> None:
    camera = PinholeCamera(260.0, 260.0, 159.5, 119.5, 240, 320)
    fit = contain_camera(camera, (240, 320), window=(228, 304))
    restored = fit.undo(np.ones((228, 304), np.uint8), (240, 320), fill=9)
    assert (restored[6:234, 8:312] == 1).all() and (restored == 9).sum() == 240 * 320 - 228 * 304
