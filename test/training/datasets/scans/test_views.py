"""Views at the size of renderings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from training.datasets.scans.frame import ScanFrame
from training.datasets.scans.views import choose_views, training_view


def frame(depth_size, color_size):
    """Return a frame whose pixels tell where they are."""
    (height, width), (color_height, color_width) = depth_size, color_size
    rows, columns = np.mgrid[:height, :width]
    color_rows, color_columns = np.mgrid[:color_height, :color_width]
    rgb = np.stack([color_rows * 255 // color_height, color_columns * 255 // color_width,
                    color_rows * 0], -1)
    return ScanFrame(
        '0', (1 + rows / height + columns / width).astype(np.float32), rgb.astype(np.uint8),
        PinholeCamera(0.9 * width, 0.9 * width, (width - 1) / 2, (height - 1) / 2, *depth_size),
        PinholeCamera(0.9 * color_width, 0.9 * color_width, 0, 0, *color_size), np.eye(4),
        labels=(color_columns * 10 // color_width).astype(np.uint8))


def test_an_image_is_resized_to_the_height_and_cropped_to_the_width():
    view = training_view(frame((480, 640), (968, 1296)))
    assert view.depth_m.shape == view.labels.shape == (256, 320)
    assert view.rgb.shape == (256, 320, 3)
    # 640 becomes 341, of which 10 are cut at the left.
    assert view.camera.fx == pytest.approx(0.9 * 341)
    assert view.camera.cx == pytest.approx((341 - 1) / 2 - 10)
    middle = view.depth_m[128, 160]
    assert middle == pytest.approx(2.0, abs=0.01)
    assert view.depth_m[0, 0] == pytest.approx(1 + 10.5 / 341, abs=0.01)
    np.testing.assert_allclose(view.rgb[128, 160], [127, 127, 0], atol=2)


def test_a_pixel_keeps_its_direction():
    number = np.arange(480 * 640, dtype=np.float32).reshape(480, 640)
    source = replace(frame((480, 640), (480, 640)), depth_m=number)
    view = training_view(source)
    u, v = 40, 200
    row, column = divmod(int(view.depth_m[v, u]), 640)
    own, new = source.depth_camera, view.camera
    assert (u - new.cx) / new.fx == pytest.approx((column - own.cx) / own.fx, abs=2 / own.fx)
    assert (v - new.cy) / new.fy == pytest.approx((row - own.cy) / own.fy, abs=2 / own.fy)


def test_spsg_takes_the_crop_for_a_change_of_scale():
    camera = training_view(frame((480, 640), (480, 640)), exact_crop=False).camera
    assert (camera.fx, camera.fy) == pytest.approx((576 * 341 / 640, 576 * 256 / 480))
    assert (camera.cx, camera.cy) == pytest.approx((319.5 * 319 / 639, 239.5 * 255 / 479))


def test_a_narrow_image_is_padded_with_nothing():
    view = training_view(frame((64, 64), (64, 64)))
    assert view.camera.cx == pytest.approx(127.5 + 32)
    for outside in (slice(0, 32), slice(-32, None)):
        assert (view.depth_m[:, outside] == 0).all()
        assert (view.labels[:, outside] == 255).all()
    assert (view.depth_m[:, 32:-32] > 0).all()


def test_pseudo_labels_take_the_place_of_true_ones():
    source = frame((48, 64), (48, 64))
    view = training_view(source, labels=np.full((48, 64), 4, np.uint8))
    assert (view.labels == 4).all()
    with pytest.raises(DataError, match='same image'):
        training_view(source, labels=np.zeros((4, 4), np.uint8))


def test_views_are_drawn_from_the_list_without_repeating():
    rng = np.random.default_rng(0)
    ids = ('5', '9', '2')
    assert choose_views((), 1, rng) == ()
    assert sorted(choose_views(ids, 5, rng)) == sorted(ids)
    drawn = {choose_views(ids, 1, rng) for _ in range(60)}
    assert drawn == {('5',), ('9',), ('2',)}
