"""The sheet of a labelled image shows what is known, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.frames import ImageEstimate, RgbFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.labels import load_label_space

pytest.importorskip('PIL')

from ssc_ros.viewer.image_pictures import depth_picture, image_picture

CAMERA = PinholeCamera(50.0, 50.0, 31.5, 23.5, 48, 64)
SPACE = load_label_space('nyu40')


def sheet(**options):
    labels = np.full((48, 64), SPACE.names.index('bed'), np.uint8)
    frame = RgbFrame(np.full((48, 64, 3), 255, np.uint8), CAMERA)
    estimate = ImageEstimate(
        image_labels=labels, confidence=np.ones((48, 64), np.float32),
        depth_m=options.pop('depth_m', None), camera=CAMERA, label_space=SPACE)
    return image_picture(frame, estimate, **options)


def has_color(picture, color):
    return bool((np.abs(picture.astype(int) - np.asarray(color)).max(axis=2) < 4).any())


def test_classes_that_occur_are_drawn_and_named_in_their_colours():
    bed, chair = (SPACE.colors[SPACE.names.index(name)] for name in ('bed', 'chair'))
    picture = sheet()
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    assert has_color(picture, bed) and not has_color(picture, chair)
    truth = np.full((48, 64), SPACE.names.index('chair'), np.uint8)
    assert has_color(sheet(truth=truth), chair)


def test_depth_has_a_panel_only_where_there_is_some():
    depth_m = np.linspace(1, 5, 48 * 64, dtype=np.float32).reshape(48, 64)
    words, picture = depth_picture(depth_m)
    assert words == '1.0 m (bright) to 5.0 m'
    assert picture[0, 0].sum() > picture[-1, -1].sum()
    assert not np.array_equal(sheet(depth_m=depth_m), sheet())


def test_missing_depth_is_grey():
    depth_m = np.zeros((4, 4), np.float32)
    assert (depth_picture(depth_m)[1] == 128).all()
    depth_m[0] = 2.0
    words, picture = depth_picture(depth_m)
    assert words == '2.0 m (bright) to 2.0 m' and (picture[1:] == 128).all()
