"""Tests of voxel grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.grids import VoxelGrid

NYU = VoxelGrid((-2.4, 0.7, -0.05), 0.08, (60, 36, 60), 'xzy')
KITTI = VoxelGrid((0.0, -25.6, -2.0), 0.2, (256, 256, 32))


def some_grids(lengths: st.SearchStrategy[int]) -> st.SearchStrategy[VoxelGrid]:
    return st.builds(
        VoxelGrid, st.tuples(*[st.floats(-50, 50)] * 3), st.floats(0.01, 1.0),
        st.tuples(*[lengths] * 3), st.sampled_from(['xyz', 'xzy']))


grids = some_grids(st.integers(1, 7))


def test_extent_follows_the_spatial_axes_not_the_array_axes():
    np.testing.assert_allclose(NYU.extent_m, (4.8, 4.8, 2.88))
    np.testing.assert_allclose(KITTI.extent_m, (51.2, 51.2, 6.4))


def test_centers_of_the_nyu_array_run_along_depth_first_then_height():
    centers = NYU.centers().reshape(60, 36, 60, 3)
    np.testing.assert_allclose(centers[0, 0, 0], [-2.36, 0.74, -0.01])
    np.testing.assert_allclose(centers[0, 0, 1] - centers[0, 0, 0], [0, 0.08, 0], atol=1e-12)
    np.testing.assert_allclose(centers[0, 1, 0] - centers[0, 0, 0], [0, 0, 0.08], atol=1e-12)
    np.testing.assert_allclose(centers[1, 0, 0] - centers[0, 0, 0], [0.08, 0, 0], atol=1e-12)


def test_centers_of_the_kitti_array_run_along_height_first():
    centers = KITTI.coarsened(2).centers()
    np.testing.assert_allclose(centers[(10 * 128 + 64) * 16 + 4], [4.2, 0.2, -0.2])


@given(grids)
def test_every_centre_lies_in_its_own_cell(grid):
    indices, is_inside = grid.point_to_index(grid.centers())
    assert is_inside.all()
    assert np.array_equal(indices, np.indices(grid.shape).reshape(3, -1).T)


@given(grids, st.integers(0, 2), st.sampled_from([-1, 1]))
def test_points_beyond_any_face_are_outside(grid, axis, side):
    middle = np.asarray(grid.origin_m) + np.asarray(grid.extent_m) / 2
    middle[axis] += side * (grid.extent_m[axis] / 2 + grid.voxel_size_m / 2)
    assert not grid.point_to_index(middle[None])[1].any()


def test_points_that_are_not_finite_are_outside():
    points = [[np.nan, 0, 0], [0, np.inf, 0], [0, 0, -np.inf]]
    assert not NYU.point_to_index(points)[1].any()


@given(some_grids(st.sampled_from([2, 4, 6])))
def test_coarsening_keeps_the_box(grid):
    coarse = grid.coarsened(2)
    np.testing.assert_allclose(coarse.extent_m, grid.extent_m)
    assert coarse.num_voxels * 8 == grid.num_voxels


def test_coarsening_by_a_factor_that_does_not_divide_is_refused():
    with pytest.raises(ConfigurationError, match='divided by 7'):
        NYU.coarsened(7)


@pytest.mark.parametrize('wrong', [
    ((0.0, 0.0, float('nan')), 0.1, (1, 1, 1)),
    ((0.0, 0.0, 0.0), 0.0, (1, 1, 1)),
    ((0.0, 0.0, 0.0), 0.1, (1, 0, 1)),
    ((0.0, 0.0, 0.0), 0.1, (1, 1, 1), 'zyx'),
])
def test_a_grid_without_volume_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        VoxelGrid(*wrong)


@given(arrays(np.int64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.integers(-40, 40)),
       st.sampled_from([0.04, 0.08, 0.2]))
def test_a_grid_around_centres_is_the_smallest_that_has_a_voxel_around_each(cells, size_m):
    centers = (cells + 0.5) * size_m + 0.013
    grid = VoxelGrid.around(centers, size_m)
    indices, inside = grid.point_to_index(centers)
    assert inside.all() and grid.shape == tuple(np.ptp(cells, axis=0) + 1)
    np.testing.assert_array_equal(indices, cells - cells.min(axis=0))


def test_a_grid_around_nothing_is_one_voxel():
    assert VoxelGrid.around(np.zeros((0, 3)), 0.1).shape == (1, 1, 1)
