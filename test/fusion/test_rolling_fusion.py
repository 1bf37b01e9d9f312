"""Tests of the fusion into a window that follows the camera, against the plain dense one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.rolling_arrays import PlaneBox
from ssc_ros.fusion.rolling_fusion import (
    BLOCK_VOXELS,
    RollingFusion,
    packed_colors,
    unpacked_colors,
)
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.tsdf_fusion import TsdfFusion
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera

VOXEL_SIZE_M = 0.08
SHAPE = (20, 48, 64)
CAMERA = PinholeCamera(40.0, 41.0, 23.3, 17.6, 36, 48)
FAR = FusionSettings(max_depth_m=2.5)


def dense_grid(shape) -> VolumeGrid:
    """Return a grid on the lattice of the window, from its voxel (0, 0, 0) on."""
    matrix = np.diag([1 / VOXEL_SIZE_M] * 3 + [1.0])
    matrix[2, 3] = 3
    return VolumeGrid(shape, VOXEL_SIZE_M, matrix)


def walk(scenes, steps: int):
    """Yield noisy frames on the way of a camera that walks a bend and turns."""
    random = np.random.default_rng(0)
    for step in range(steps):
        depth = random.uniform(0.3, 2.7, CAMERA.size).astype(np.float32)
        depth[random.random(depth.shape) < 0.2] = 0
        rgb = random.integers(0, 256, (*depth.shape, 3), np.uint8)
        share, angle = step / (steps - 1), 2.5 * step / (steps - 1)
        position = np.array([3.0 + 5 * share, 2.6 + 4 * share ** 2, 1.0])
        pose = scenes.looking(position, np.array([np.cos(angle), np.sin(angle), -0.15]))
        yield PreparedFrame(depth, rgb, CAMERA, pose)


@pytest.mark.parametrize('color_fusion', ['halving', 'weighted'])
def test_the_window_equals_the_dense_fusion_bit_for_bit_while_it_moves(scenes, color_fusion):
    settings = replace(FAR, color_fusion=color_fusion)
    rolling = RollingFusion(SHAPE, voxel_size_m=VOXEL_SIZE_M, settings=settings)
    dense = TsdfFusion(dense_grid((20, 140, 160)), settings=settings)
    moves = 0
    for frame in walk(scenes, 12):
        moves += rolling.follow(rolling.column_of(frame.T_world_camera[:3, 3]))
        forget_outside(dense, rolling.box)
        rolling.integrate(frame)
        dense.integrate(frame)
        forget_outside(dense, rolling.box)
    expected = dense.volume().cropped((0, *rolling.box.start), SHAPE)
    volume = rolling.volume()
    assert moves >= 4 and (volume.weight > 0).mean() > 0.1
    for name in ('tsdf_m', 'weight', 'rgb'):
        np.testing.assert_array_equal(getattr(volume, name), getattr(expected, name))
    np.testing.assert_allclose(volume.grid.T_grid_world, expected.grid.T_grid_world)


def forget_outside(dense: TsdfFusion, box: PlaneBox) -> None:
    outside = torch.ones(dense.grid.shape, dtype=torch.bool)
    (y, x), (rows, columns) = box.start, box.shape
    assert y >= 0 and x >= 0  # the dense grid begins at voxel 0
    outside[:, y:y + rows, x:x + columns] = False
    for name in ('tsdf_m', 'weight', 'colors'):
        getattr(dense._state, name)[outside] = 0


def test_the_window_follows_in_blocks_and_only_out_of_its_middle_third():
    fusion = RollingFusion((4, 96, 96), voxel_size_m=0.04)
    assert fusion.follow((48, 500)) and fusion.box.start == (0, 448)
    assert not fusion.follow((60, 490)) and fusion.box.start == (0, 448)
    assert fusion.follow((70, 500)) and fusion.box.start == (16, 448)
    assert all(start % BLOCK_VOXELS == 0 for start in fusion.box.start)


def test_a_column_is_that_of_the_nearest_centre_and_the_origin_lies_in_the_third_layer():
    fusion = RollingFusion((8, 32, 32), voxel_size_m=0.1)
    assert fusion.column_of(np.array([0.52, -0.31, 9.0])) == (-3, 5)
    grid = fusion.grid(PlaneBox((-16, 0), (32, 32)))
    np.testing.assert_allclose(grid.to_grid([[0, 0, 0]]), [[0, 16, 3]], atol=1e-12)


def test_a_restored_window_goes_on_bit_for_bit(scenes):
    frames = list(walk(scenes, 4))
    whole = RollingFusion(SHAPE, voxel_size_m=VOXEL_SIZE_M)
    for frame in frames[:2]:
        whole.follow(whole.column_of(frame.T_world_camera[:3, 3]))
        whole.integrate(frame)
    restored = RollingFusion(SHAPE, voxel_size_m=VOXEL_SIZE_M)
    restored.restore(whole.volume(), whole.box.start)
    for fusion in (whole, restored):
        for frame in frames[2:]:
            fusion.follow(fusion.column_of(frame.T_world_camera[:3, 3]))
            fusion.integrate(frame)
    assert whole.box == restored.box
    for name in ('tsdf_m', 'weight', 'rgb'):
        np.testing.assert_array_equal(
            getattr(whole.volume(), name), getattr(restored.volume(), name))


def test_a_cleared_window_is_empty_and_centres_anew():
    fusion = RollingFusion((8, 32, 32), voxel_size_m=0.1)
    fusion.follow((0, 0))
    fusion._state.weight.fill_(3)
    fusion.clear()
    assert not fusion.volume().weight.any() and np.isinf(fusion.volume().tsdf_m).all()
    assert fusion.follow((5, 5)) is False and fusion.follow((4, 90))


def test_colours_are_packed_and_unpacked_without_loss():
    rgb = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), np.uint8)
    np.testing.assert_array_equal(unpacked_colors(packed_colors(rgb)), rgb)


@pytest.mark.gpu
def test_a_gpu_fuses_the_window_alike(scenes):
    if not torch.cuda.is_available():
        pytest.skip('needs a CUDA device')
    volumes = []
    for device in ('cpu', 'cuda'):
        fusion = RollingFusion(SHAPE, voxel_size_m=VOXEL_SIZE_M, device=device)
        for frame in walk(scenes, 4):
            fusion.follow(fusion.column_of(frame.T_world_camera[:3, 3]))
            fusion.integrate(frame)
        volumes.append(fusion.volume())
    on_cpu, on_gpu = volumes
    assert (on_cpu.weight == on_gpu.weight).mean() > 0.999
    np.testing.assert_allclose(on_cpu.tsdf_m, on_gpu.tsdf_m, atol=1e-4)
