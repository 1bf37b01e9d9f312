"""Tests of the box of voxels that follows the robot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.temporal_window import STEP_CELLS, RollingWindow
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import PLACEMENT_RULES
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose, make_rigid

SIZE_M = 0.1
METRES = st.floats(-50, 50, allow_nan=False)


def yaw(angle):
    sine, cosine = np.sin(angle), np.cos(angle)
    return make_rigid([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], np.zeros(3))


def all_cells(window):
    return window.first_cell + np.indices(window.shape).reshape(3, -1).T


@given(x=METRES, y=METRES)
def test_every_cell_of_a_moved_window_has_a_place_of_its_own(x, y):
    window = RollingWindow((12, 9, 5), SIZE_M, lowest_z_m=-0.2)
    window.move_over([x, y, 1.0])
    cells = all_cells(window)
    index = window.flat_index(cells)
    assert np.unique(index).size == window.num_cells
    np.testing.assert_array_equal(window.cells_at(index), cells)
    assert window.contains(cells).all()


@given(steps=st.lists(st.tuples(METRES, METRES), min_size=1, max_size=5))
def test_what_stays_in_the_window_keeps_its_content_and_what_is_new_is_cleared(steps):
    window = RollingWindow((20, 14, 3), SIZE_M)
    content = np.zeros(window.num_cells, np.int64)
    content[window.flat_index(all_cells(window))] = np.arange(window.num_cells) + 1
    expected = {tuple(cell): value for cell, value in zip(
        all_cells(window).tolist(), content[window.flat_index(all_cells(window))], strict=True)}
    box = content.reshape(window.shape)
    for x, y in steps:
        for axis, positions in window.move_over([x, y, 0.0]):
            box[(slice(None),) * axis + (positions,)] = 0
        cells = all_cells(window).tolist()
        expected = {tuple(cell): expected.get(tuple(cell), 0) for cell in cells}
        kept = content[window.flat_index(all_cells(window))].tolist()
        assert kept == [expected[tuple(cell)] for cell in cells]


def test_the_window_follows_in_steps_and_stays_near_its_point():
    window = RollingWindow((40, 40, 5), SIZE_M)
    assert window.move_over([SIZE_M * (STEP_CELLS - 1), 0.0, 0.0]) == []
    assert [axis for axis, _ in window.move_over([SIZE_M * (STEP_CELLS + 1), -9.0, 0.0])] == [0, 1]
    middle = (window.first_cell[:2] + 20) * SIZE_M
    np.testing.assert_allclose(middle, [0.9, -9.0], atol=STEP_CELLS * SIZE_M)


@pytest.mark.parametrize('rule', PLACEMENT_RULES)
@given(angle=st.floats(-3.1, 3.1), x=st.floats(-5, 5), pitch=st.floats(-0.3, 0.6))
def test_cells_meet_the_voxel_that_their_centre_lies_in_and_each_only_once(rule, angle, x, pitch):
    pose = make_rigid(np.eye(3), [x, -x / 3, 0]) @ yaw(angle) @ level_camera_pose(
        height_m=1.3, pitch_rad=pitch)
    box = PLACEMENT_RULES[rule](pose)
    T_world_voxel = pose @ box.T_camera_voxel
    window = RollingWindow((30, 26, 12), 0.21, lowest_z_m=-0.3)
    window.move_over(pose[:3, 3])
    cells, voxels = window.covered_by(box.grid, T_world_voxel)
    centers = window.centers(all_cells(window))
    T_voxel_world = inverse_rigid(T_world_voxel)
    local = centers @ T_voxel_world[:3, :3].T + T_voxel_world[:3, 3]
    index, is_inside = box.grid.point_to_index(local)
    expected = np.full(window.num_cells, -1)
    expected[window.flat_index(all_cells(window)[is_inside])] = np.ravel_multi_index(
        tuple(index[is_inside].T), box.grid.shape)
    found = np.full(window.num_cells, -1)
    assert np.unique(cells).size == cells.size
    found[cells] = voxels
    # Centres within rounding of a face of a voxel may fall on either side.
    assert np.mean(found != expected) < 2e-3


def test_a_box_out_of_reach_covers_nothing():
    window = RollingWindow((10, 10, 10), SIZE_M)
    grid = VoxelGrid((100.0, 0.0, 0.0), SIZE_M, (5, 5, 5))
    cells, voxels = window.covered_by(grid, np.eye(4))
    assert cells.size == voxels.size == 0


def test_an_empty_window_is_refused():
    with pytest.raises(ConfigurationError, match='must be positive'):
        RollingWindow((4, 0, 4), SIZE_M)
