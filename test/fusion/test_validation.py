"""Tests of the search for what is wrong with a volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.validation import floor_height_voxels, from_normalized, volume_problems
from ssc_ros.fusion.volume_grid import VolumeGrid

SHAPE = (40, 50, 60)


def room() -> SceneVolume:
    """Return a room whose floor is 3.4 voxels and whose walls are 6 voxels inside the grid."""
    z, y, x = np.indices(SHAPE)
    to_walls = np.minimum(np.minimum(x - 6, SHAPE[2] - 7 - x), np.minimum(y - 6, SHAPE[1] - 7 - y))
    distance = np.minimum(to_walls, np.minimum(z - 3.4, SHAPE[0] - 5 - z)).astype(np.float32)
    tsdf = np.where(distance < -3.5, -np.inf, np.clip(distance, -3.5, 5)) * np.float32(0.02)
    grid = VolumeGrid(SHAPE, 0.02, np.diag([50.0, 50.0, 50.0, 1.0]))
    return SceneVolume(grid, tsdf.astype(np.float32), np.isfinite(tsdf).astype(np.uint8),
                       np.zeros((*SHAPE, 3), np.uint8))


def turned(volume: SceneVolume, tsdf_m: np.ndarray) -> SceneVolume:
    return replace(volume, tsdf_m=tsdf_m.astype(np.float32))


def test_a_room_as_expected_has_no_problem():
    assert volume_problems(room()) == ()
    assert floor_height_voxels(room()) == pytest.approx(3.4, abs=1e-3)


def test_free_space_with_a_negative_sign_is_noticed():
    tsdf = room().tsdf_m
    problems = volume_problems(turned(room(), np.where(np.isfinite(tsdf), -tsdf, -np.inf)))
    assert any('change the sign' in problem for problem in problems)


def test_distances_that_were_divided_by_the_truncation_are_noticed_and_put_right():
    volume = room()
    problem, = volume_problems(turned(volume, volume.tsdf_m / 0.1 * 0.02))
    assert 'multiply them by the truncation' in problem
    restored = from_normalized(volume.tsdf_m / 0.1, volume.weight * 700.0, volume.grid, 0.1)
    np.testing.assert_allclose(restored.tsdf_m, volume.tsdf_m, rtol=1e-6)
    assert restored.weight.max() == 255 and volume_problems(restored) == ()


def test_unseen_space_with_a_distance_is_noticed():
    tsdf = np.where(np.isfinite(room().tsdf_m), room().tsdf_m, -1.0)
    assert any('must be -inf' in problem for problem in volume_problems(turned(room(), tsdf)))


def test_a_floor_at_another_height_is_noticed():
    problem, = volume_problems(room().cropped((-5, 0, 0), (45, 50, 60)))
    assert 'the floor lies 8 voxels above the base, expected 3' in problem


def test_another_up_axis_is_noticed():
    volume = room()
    # A corridor without ends: its walls and floor, turned so that nothing faces up.
    tsdf = np.broadcast_to(volume.tsdf_m[:, 25:26], SHAPE).transpose(1, 0, 2)
    grid = VolumeGrid(tsdf.shape, 0.02, volume.grid.T_grid_world)
    lying = SceneVolume(grid, np.ascontiguousarray(tsdf), np.isfinite(tsdf).astype(np.uint8),
                        np.zeros((*tsdf.shape, 3), np.uint8))
    assert any('z must point up' in problem for problem in volume_problems(lying))


def test_another_size_of_voxels_is_noticed():
    grid = VolumeGrid(SHAPE, 0.05, np.diag([20.0, 20.0, 20.0, 1.0]))
    volume = replace(room(), grid=grid, tsdf_m=room().tsdf_m * np.float32(2.5))
    problem, = volume_problems(volume)
    assert problem.startswith('voxels are 0.0500 m, expected 0.02 m')


def test_a_volume_without_surface_is_noticed():
    empty = turned(room(), np.full(SHAPE, -np.inf))
    problem, = volume_problems(empty)
    assert 'was anything fused' in problem
