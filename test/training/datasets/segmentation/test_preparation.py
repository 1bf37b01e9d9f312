"""Tests of bringing images to the size of a network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.models.gad.presets import load_preset
from training.datasets.segmentation import LabelledImage
from training.datasets.segmentation.hha import encode_hha
from training.datasets.segmentation.image import check_sizes, checked_labels
from training.datasets.segmentation.preparation import (
    resize_depth,
    resize_image,
    resize_picture,
)

Image = pytest.importorskip('PIL.Image')


def image_of(size: tuple[int, int], **changes: object) -> LabelledImage:
    rng = np.random.default_rng(0)
    values = {
        'frame_id': '7', 'rgb': rng.integers(0, 256, (*size, 3)).astype(np.uint8),
        'labels': rng.integers(0, 41, size).astype(np.uint8),
        'depth_m': rng.uniform(1, 5, size).astype(np.float32), **changes}
    return LabelledImage(**values)


def test_colours_are_resized_as_pillow_does() -> None:
    rgb = image_of((120, 160)).rgb
    ours = resize_picture(rgb, (60, 80)).transpose(1, 2, 0).astype(int)
    theirs = np.asarray(Image.fromarray(rgb).resize((80, 60), Image.Resampling.BILINEAR))
    assert np.abs(ours - theirs).max() <= 1


def test_labels_and_dense_depth_keep_their_values() -> None:
    image = image_of((480, 640))
    resized = resize_image(image, load_preset('gad'))
    assert resized.picture.shape == (3, 240, 320)
    assert np.array_equal(resized.labels, image.labels[1::2, 1::2])
    assert np.array_equal(resized.depth_mm, np.rint(1000 * image.depth_m[1::2, 1::2]))


@given(st.integers(0, 100))
def test_sparse_depth_loses_only_what_lies_behind(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth_m = np.where(rng.random((12, 16)) < 0.2, rng.uniform(1, 9, (12, 16)), 0)
    resized = resize_depth(depth_m.astype(np.float32), (6, 8), is_sparse=True)
    blocks = np.where(depth_m > 0, depth_m, np.inf).reshape(6, 2, 8, 2).min(axis=(1, 3))
    np.testing.assert_allclose(np.where(resized > 0, resized, np.inf), blocks, rtol=1e-6)


def test_depth_beyond_ten_metres_is_unknown() -> None:
    depth_m = np.full((4, 4), 12, np.float32)
    depth_m[0, 0] = np.nan
    for is_sparse in (False, True):
        assert not resize_depth(depth_m, (4, 4), is_sparse=is_sparse).any()


def test_hha_goes_behind_the_colours_and_needs_complete_depth() -> None:
    config = load_preset('semantic-hha')
    picture = resize_image(image_of((48, 64), focal_length_px=50.0), config).picture
    assert picture.shape == (6, 240, 320)
    for lacking in ({'depth_m': None}, {'has_sparse_depth': True}, {}):
        with pytest.raises(DataError, match='image 7 has no depth at every pixel'):
            resize_image(image_of((48, 64), **lacking), config)


def test_hha_of_a_corridor_is_what_geometry_says() -> None:
    # A level camera 1.5 m above the floor, which fills the lower half; a wall at 6 m ahead.
    rows = np.arange(240, dtype=np.float32)[:, None] - 119.5
    floor = 1.5 * 260 / np.maximum(rows, 1e-3)
    depth_m = np.broadcast_to(np.where((rows > 0) & (floor < 6), floor, 6), (240, 320))
    disparity, height, angle = np.moveaxis(
        encode_hha(np.ascontiguousarray(depth_m, np.float32), 260.0), -1, 0).astype(int)
    assert abs(disparity[10, 160] - 310 / 6) < 1
    assert disparity[239, 160] == 95  # 310 over 3.26 m
    assert height[230, 40] <= 1
    assert abs(height[119, 160] - 150) <= 3
    assert abs(angle[220, 160] - 38) <= 2  # the floor looks up
    assert abs(angle[30, 160] - (38 + 90)) <= 3  # the wall looks at the camera


def test_pixels_without_depth_have_no_hha() -> None:
    depth_m = np.full((40, 40), 2.0, np.float32)
    depth_m[:10] = 0
    encoded = encode_hha(depth_m, 40.0)
    assert not encoded[:10].any()
    assert encoded[20:, :, 0].all()
    assert not encode_hha(np.zeros((4, 4), np.float32), 4.0).any()


def test_labels_outside_the_set_name_their_file() -> None:
    with pytest.raises(DataError, match=r'a\.png holds label 41, expected 0 to 40'):
        checked_labels(np.array([1, 41]), 40, 'a.png')
    assert checked_labels(np.array([255, 40]), 40, 'a.png').tolist() == [0, 40]


def test_parts_of_different_images_are_refused() -> None:
    image = image_of((4, 6), labels=np.zeros((4, 5), np.uint8))
    with pytest.raises(DataError, match='frame 7: sizes differ'):
        check_sizes(image, 'frame 7')
