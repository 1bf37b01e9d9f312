"""Tests of where the voxels of a fused volume lie."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.volume_grid import VolumeGrid


def test_the_floor_lies_three_voxels_above_the_base_and_walls_six_from_the_sides():
    grid = VolumeGrid.around((1.0, -2.0, 0.5), (2.0, 0.0, 3.5))
    assert grid.shape == (150 + 6, 100 + 12, 50 + 12)
    np.testing.assert_allclose(grid.to_grid([[1.0, -2.0, 0.5]]), [[6, 6, 3]], atol=1e-9)
    np.testing.assert_allclose(grid.to_world([[6, 6, 3]]), [[1.0, -2.0, 0.5]], atol=1e-9)


def test_stray_points_do_not_stretch_the_grid():
    points = np.random.default_rng(0).uniform(0, 2, (10_000, 3))
    points[:20] = 100
    grid = VolumeGrid.around_points(points)
    assert all(95 <= length <= 100 + 2 * 6 for length in grid.shape)


def test_the_same_world_point_keeps_its_voxel_in_a_part_of_the_grid():
    grid = VolumeGrid.around((0, 0, 0), (1, 2, 3))
    part = grid.cropped((2, 30, -4), (8, 8, 8))
    difference = grid.to_grid([[0.3, 0.4, 0.5]]) - part.to_grid([[0.3, 0.4, 0.5]])
    np.testing.assert_allclose(difference, [[-4, 30, 2]], atol=1e-9)
    assert part.shape == (8, 8, 8)


@pytest.mark.parametrize(('low', 'high'), [((0, 0, 0), (1, 0, 1)), ((0, 0, np.nan), (1, 1, 1))])
def test_a_box_without_inside_is_refused(low, high):
    with pytest.raises(ConfigurationError, match='is empty'):
        VolumeGrid.around(low, high)


def test_a_grid_around_no_point_says_that_depth_is_missing():
    with pytest.raises(ConfigurationError, match='is all depth missing'):
        VolumeGrid.around_points(np.empty((0, 3)))


def test_an_unusable_transform_is_refused():
    with pytest.raises(ConfigurationError, match='finite'):
        VolumeGrid((1, 1, 1), 0.02, np.full((4, 4), np.nan))
