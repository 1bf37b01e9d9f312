from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid, quaternion_to_rotation, transform_points
from ssc_ros.viewer.lattice import lattice_of

rotations = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1).map(
    lambda q: quaternion_to_rotation(*q))


@given(rotations, st.floats(0.02, 0.5), st.sampled_from(['xyz', 'xzy']), st.integers(0, 2**32 - 1))
def test_every_voxel_finds_its_cell_in_any_frame(rotation, voxel_size_m, order, seed):
    generator = np.random.default_rng(seed)
    kept = generator.random((12, 9, 10)) < 0.4
    grid = VoxelGrid((-1.0, 0.5, 2.0), voxel_size_m, kept.shape, order)
    T_cloud_grid = make_rigid(rotation, generator.uniform(-3, 3, 3))
    points = transform_points(T_cloud_grid, grid.index_to_point(np.argwhere(kept)))
    found, T_cloud_found, cells = lattice_of(points.astype(np.float32))
    assert found.voxel_size_m == pytest.approx(voxel_size_m, rel=1e-4)
    assert np.linalg.det(T_cloud_found[:3, :3]) == pytest.approx(1)
    assert len(np.unique(cells, axis=0)) == len(points)
    assert np.allclose(transform_points(T_cloud_found, found.index_to_point(cells)), points,
                       atol=1e-4)


def test_the_room_of_an_estimate_is_found(make_estimate):
    estimate = make_estimate()
    kept = estimate.labels > 0
    points = transform_points(estimate.T_camera_voxel,
                              estimate.grid.index_to_point(np.argwhere(kept)))
    grid, _, cells = lattice_of(points.astype(np.float32))
    assert grid.voxel_size_m == pytest.approx(0.08, rel=1e-5)
    assert len(np.unique(cells, axis=0)) == kept.sum()


@pytest.mark.parametrize('count', [0, 1, 3])
def test_too_few_points_are_refused(count):
    with pytest.raises(DataError, match='lattice'):
        lattice_of(np.arange(3.0 * count).reshape(-1, 3))


def test_a_cloud_of_anything_else_is_refused():
    with pytest.raises(DataError, match='no voxel lattice'):
        lattice_of(np.random.default_rng(0).normal(size=(500, 3)))


def test_equal_points_are_refused():
    with pytest.raises(DataError, match='no voxel lattice'):
        lattice_of(np.zeros((50, 3)))
