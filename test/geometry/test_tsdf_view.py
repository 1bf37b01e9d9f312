"""Tests of what a depth image says about cells and blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose
from ssc_ros.geometry.tsdf_view import (
    MIXED,
    DepthView,
    DepthWindows,
    block_signs,
    cell_projection,
)

CAMERA = PinholeCamera(60.0, 61.0, 41.3, 27.8, 57, 85)


def noisy_image(seed: int) -> np.ndarray:
    """Return depth with steps and holes."""
    random = np.random.default_rng(seed)
    levels = random.choice([0.9, 1.5, 2.0, 2.4, 3.0], (8, 11))
    image = np.kron(levels, np.ones((8, 8)))[:CAMERA.height, :CAMERA.width]
    image[random.random(image.shape) < random.choice([0.0, 0.01, 0.2])] = np.nan
    image[:, :random.integers(0, 40)] = np.nan
    return image


@given(
    seed=st.integers(0, 2**32 - 1), pitch=st.floats(-1.0, 1.0), roll=st.floats(-1.0, 1.0),
    near=st.floats(-1.0, 2.0), clearance=st.sampled_from([0.0, 0.3]))
def test_a_decided_block_holds_for_each_of_its_cells(seed, pitch, roll, near, clearance):
    grid = VoxelGrid((-1.2, near, -0.2), 0.05, (48, 24, 44), 'xzy')
    T_camera_voxel = inverse_rigid(
        level_camera_pose(height_m=0.7, pitch_rad=pitch, roll_rad=roll))
    view = DepthView(
        noisy_image(seed), CAMERA, cell_projection(CAMERA, grid, T_camera_voxel), block=4)
    signs = block_signs(view, (12, 6, 11), clearance).reshape(-1)
    z, depth, _, _ = view.cells_of(np.indices((12, 6, 11)).reshape(3, -1))
    assert (depth - z > clearance)[signs == 1].all()
    assert (depth - z < -clearance)[signs == -1].all()
    assert np.isnan(depth)[signs == 0].all()


def test_most_blocks_of_a_plain_wall_are_decided():
    grid = VoxelGrid((-1.2, 0.5, -0.2), 0.05, (48, 24, 44), 'xzy')
    view = DepthView(
        np.full(CAMERA.size, 1.6), CAMERA,
        cell_projection(CAMERA, grid, inverse_rigid(level_camera_pose(height_m=0.4))), block=4)
    signs = block_signs(view, (12, 6, 11), 0.0)
    assert (signs == MIXED).mean() < 0.4
    assert {-1, 0, 1} <= set(signs.reshape(-1).tolist())


@given(seed=st.integers(0, 2**32 - 1))
def test_the_bounds_of_a_rectangle_enclose_its_depth(seed):
    random = np.random.default_rng(seed)
    image = np.full((72, 96), np.nan)
    image[8:65, 8:93] = noisy_image(seed)
    corners = random.uniform(-20, [[115], [90]], (2, 2, 200)).astype(np.float32)
    u, v = np.sort(corners, axis=1)
    low, high = DepthWindows(image).depth_range((u[0], u[1]), (v[0], v[1]))
    for i in range(200):
        columns, rows = (
            np.clip(edges[:, i], 0, length - 1).astype(int)
            for edges, length in ((u, 96), (v, 72)))
        inside = image[rows[0]:rows[1] + 1, columns[0]:columns[1] + 1]
        if np.isnan(inside).any():
            assert low[i] == np.float32(-1e30)
        else:
            assert low[i] <= inside.min() + 1e-6
        if not np.isnan(inside).all():
            assert high[i] >= np.nanmax(inside) - 1e-6


@pytest.mark.parametrize('behind_m', [0.0, 3.0])
def test_cells_behind_the_camera_see_nothing(behind_m: float):
    grid = VoxelGrid((-0.4, -0.4 - behind_m, 0.0), 0.1, (8, 8, 4), 'xzy')
    view = DepthView(
        np.full(CAMERA.size, 2.0), CAMERA,
        cell_projection(CAMERA, grid, inverse_rigid(level_camera_pose(height_m=0.4))), block=4)
    z, depth, _, _ = view.cells_of(np.indices((2, 2, 1)).reshape(3, -1))
    assert np.isnan(depth[z <= 0]).all()
