from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.clouds import semantic_points
from ssc_ros.viewer.map_pictures import map_picture

SPACE = load_label_space('matterport11')


def cloud(points, label=3, observed=True):
    points = np.asarray(points, float)
    return semantic_points(points, np.full(len(points), label), SPACE, observed=observed)


def floor(size=20, z=0.0):
    x, y = np.meshgrid(np.arange(size) * 0.04, np.arange(size) * 0.04)
    return np.stack([x, y, np.full(x.shape, z)], axis=-1).reshape(-1, 3)


@pytest.fixture(scope='module', autouse=True)
def _needs_embree():
    pytest.importorskip('embreex')


def panels(picture):
    """Return the three drawings."""
    return [picture[108:668, 20 + 660 * index:660 + 660 * index] for index in range(3)]


def test_measured_voxels_are_drawn_in_their_colours_and_all_in_those_of_classes():
    points = cloud(floor())
    points['rgb'] = 0x0000FF
    measured, both, classes = panels(map_picture(points, 0.04, SPACE))
    np.testing.assert_array_equal(measured, both)
    middle = measured[280, 320].astype(int)
    assert middle[2] > 2 * max(middle[0], middle[1])
    color = SPACE.colors[3].astype(float)
    seen = classes[280, 320].astype(float)
    assert np.dot(seen / np.linalg.norm(seen), color / np.linalg.norm(color)) > 0.98


def test_completed_voxels_appear_beside_the_measured_ones_only():
    beside = cloud(floor() + np.array([0.8, 0, 0]), observed=False)
    points = np.concatenate([cloud(floor()), beside])
    measured, both, _ = panels(map_picture(points, 0.04, SPACE))
    assert np.abs(measured.astype(int) - both).max(axis=-1).astype(bool).mean() > 0.05


def test_what_is_high_is_cut_off_and_nothing_left_is_an_error():
    with pytest.raises(DataError, match='no voxel'):
        map_picture(cloud(floor(z=2.5)), 0.04, SPACE)
    picture = map_picture(cloud(np.concatenate([floor(), floor(z=2.5)])), 0.04, SPACE)
    np.testing.assert_array_equal(picture, map_picture(cloud(floor()), 0.04, SPACE))
