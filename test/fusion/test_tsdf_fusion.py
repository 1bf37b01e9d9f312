"""Tests of the fusion of frames into a volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.tsdf_fusion import TsdfFusion, fuse_scene, load_volume, save_volume
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera

SMALL_CAMERA = PinholeCamera(40.0, 41.0, 23.3, 17.6, 36, 48)


def fuse_voxel_by_voxel(volume, frame: PreparedFrame, grid: VolumeGrid, color_fusion: str):
    """Fuse a frame into the arrays (tsdf, weight, rgb) as the rules are written."""
    tsdf, weights, rgb = volume
    camera = frame.camera
    T_camera_grid = np.linalg.inv(frame.T_world_camera) @ grid.T_world_grid
    for voxel in np.ndindex(*grid.shape):
        x, y, z = T_camera_grid[:3] @ [*voxel[::-1], 1]
        u, v = np.rint([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy]).astype(int)
        if z <= 0 or not (0 <= u < camera.width and 0 <= v < camera.height):
            continue
        depth = float(frame.depth_m[v, u])
        truncation = 3 * grid.voxel_size_m + 0.02 * depth
        if not 0.4 <= depth <= 4.0 or depth - z <= -truncation:
            continue
        distance, color = min(depth - z, truncation), frame.rgb[v, u].astype(float)
        sample, old = max(4.5 * (1 - (depth - 0.4) / 3.6), 1), weights[voxel]
        if old == 0:
            tsdf[voxel], rgb[voxel] = distance, color
        else:
            share = sample / (old + sample)
            tsdf[voxel] += (distance - tsdf[voxel]) * share
            share = 0.5 if color_fusion == 'halving' else share
            rgb[voxel] = np.floor(0.5 + rgb[voxel] * (1 - share) + color * share)
        weights[voxel] = min(old + np.floor(sample), 255)


def random_frame(random: np.random.Generator, pose: np.ndarray) -> PreparedFrame:
    depth = random.uniform(0.3, 4.2, SMALL_CAMERA.size).astype(np.float32)
    depth[random.random(depth.shape) < 0.2] = 0
    rgb = random.integers(0, 256, (*depth.shape, 3), np.uint8)
    return PreparedFrame(depth, rgb, SMALL_CAMERA, pose)


def wall(scenes, depth_m: float, color: int = 0) -> PreparedFrame:
    """Return a wall at a distance from a camera at the origin that looks along z."""
    size = scenes.CAMERA.size
    return PreparedFrame(np.full(size, depth_m, np.float32), np.full((*size, 3), color, np.uint8),
                         scenes.CAMERA, np.eye(4))


def wall_grid() -> VolumeGrid:
    """Return a beam of voxels along z around the optical axis, from 1 m to 2.5 m."""
    matrix = np.diag([50.0, 50.0, 50.0, 1.0])
    matrix[:3, 3] = [2, 2, -50]
    return VolumeGrid((76, 5, 5), 0.02, matrix)


def test_a_wall_gives_the_distance_along_the_axis(scenes):
    fusion = TsdfFusion(wall_grid())
    fusion.integrate(wall(scenes, 2.0))
    volume = fusion.volume()
    ahead_m = 2 - (1 + 0.02 * np.arange(76))
    truncation = 0.06 + 0.02 * 2
    is_behind = ahead_m <= -truncation + 1e-9
    expected = np.where(is_behind, -np.inf, np.minimum(ahead_m, truncation))
    # The voxel exactly at the truncation may fall on either side.
    is_clear = np.abs(ahead_m + truncation) > 1e-6
    for column in volume.tsdf_m.reshape(76, -1).T:
        np.testing.assert_allclose(column[is_clear], expected[is_clear], atol=1e-6)
    assert (volume.weight[is_clear & ~is_behind] == 2).all()
    assert not volume.weight[is_clear & is_behind].any()


def test_weights_are_floored_and_add_up(scenes):
    fusion = TsdfFusion(wall_grid())
    for _ in range(3):
        fusion.integrate(wall(scenes, 2.0))
    assert fusion.volume().weight.max() == 6


def test_weights_end_at_what_a_byte_holds(scenes):
    fusion = TsdfFusion(wall_grid())
    fusion.integrate(wall(scenes, 2.0))
    volume = fusion.volume()
    heavy = replace(volume, weight=np.where(volume.weight > 0, 254, 0).astype(np.uint8))
    resumed = TsdfFusion.resumed(heavy)
    resumed.integrate(wall(scenes, 2.0))
    np.testing.assert_array_equal(resumed.volume().weight, np.where(volume.weight > 0, 255, 0))


def test_the_latest_colour_has_half_of_the_weight(scenes):
    fusion = TsdfFusion(wall_grid())
    for color, expected in ((10, 10), (20, 15), (20, 18)):
        fusion.integrate(wall(scenes, 2.0, color))
        volume = fusion.volume()
        assert (volume.rgb[volume.weight > 0] == expected).all()


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1), st.sampled_from(['halving', 'weighted']))
def test_frames_fuse_as_voxel_by_voxel(scenes, seed, color_fusion):
    random = np.random.default_rng(seed)
    grid = VolumeGrid.around((0, 0, 0), (0.9, 1.7, 0.9), voxel_size_m=0.1, padding_xyz=(1, 1, 1))
    fusion = TsdfFusion(grid, settings=FusionSettings(color_fusion=color_fusion))
    expected = (np.full(grid.shape, -np.inf), np.zeros(grid.shape), np.zeros((*grid.shape, 3)))
    for _ in range(3):
        pose = scenes.looking(random.uniform(-1, 2, 3), random.normal(size=3))
        frame = random_frame(random, pose)
        fusion.integrate(frame)
        fuse_voxel_by_voxel(expected, frame, grid, color_fusion)
    volume = fusion.volume()
    differs = (volume.weight != expected[1]) | (np.abs(volume.rgb - expected[2]) > 1).any(axis=-1)
    differs |= ~np.isclose(volume.tsdf_m, expected[0], atol=1e-5)
    # Rounding may send a voxel between two pixels to the other one.
    assert differs.sum() <= 2


def test_a_sphere_has_the_bias_of_distances_along_the_axis(scenes):
    fusion = TsdfFusion(scenes.SPHERE_GRID)
    for frame in scenes.sphere_frames():
        fusion.integrate(frame)
    tsdf, truth = fusion.volume().tsdf_voxels, scenes.sphere_distance()
    is_known = np.isfinite(tsdf)
    for reach, error, agreement in ((1, 0.64, 0.958), (3, 0.82, 0.986)):
        near = is_known & (np.abs(truth) < reach)
        difference = np.abs(tsdf[near] - truth[near])
        assert difference.mean() == pytest.approx(error, abs=0.01)
        assert ((tsdf[near] > 0) == (truth[near] > 0)).mean() == pytest.approx(agreement, abs=1e-3)
        assert np.abs(np.clip(tsdf[near], -3, 3) - truth[near]).max() < 3
    assert (~is_known)[np.abs(truth) < 3].mean() == pytest.approx(0.019, abs=1e-3)


def test_columns_outside_the_room_stay_untouched(scenes):
    inside = np.zeros((64, 64), np.bool_)
    inside[10:40, 20:50] = True
    fusion = TsdfFusion(scenes.SPHERE_GRID, is_updated=inside)
    free = TsdfFusion(scenes.SPHERE_GRID)
    for frame in scenes.sphere_frames()[:2]:
        fusion.integrate(frame)
        free.integrate(frame)
    weight, expected = fusion.volume().weight, free.volume().weight
    assert not weight[:, ~inside].any() and weight.any()
    assert (weight[:, inside] == expected[:, inside]).all()


def test_a_frame_without_depth_in_range_changes_nothing(scenes):
    fusion = TsdfFusion(wall_grid())
    for depth in (0.0, 0.39, 4.01):
        fusion.integrate(wall(scenes, depth))
    assert not fusion.volume().weight.any()


def test_a_saved_volume_comes_back_and_goes_on_as_if_never_saved(scenes, tmp_path):
    first, second = scenes.sphere_frames()[0], scenes.sphere_frames()[2]
    fusion = TsdfFusion(scenes.SPHERE_GRID)
    fusion.integrate(first)
    save_volume(tmp_path / 'map.npz', fusion.volume())
    loaded = load_volume(tmp_path / 'map.npz')
    resumed = TsdfFusion.resumed(loaded)
    for either in (fusion, resumed):
        either.integrate(second)
    for name in ('tsdf_m', 'weight', 'rgb'):
        np.testing.assert_array_equal(
            getattr(resumed.volume(), name), getattr(fusion.volume(), name))
    np.testing.assert_array_equal(loaded.grid.T_grid_world, scenes.SPHERE_GRID.T_grid_world)


def test_a_file_that_is_no_volume_is_refused(tmp_path):
    np.savez(tmp_path / 'other.npz', labels=np.zeros(3))
    with pytest.raises(DataError, match='is not a saved volume'):
        load_volume(tmp_path / 'other.npz')


def sequence(scenes) -> list[PosedFrame]:
    """Return the six views of the sphere and a frame whose tracking was lost."""
    frames = [PosedFrame(str(i), frame.depth_m, frame.rgb, scenes.CAMERA, scenes.CAMERA,
                         frame.T_world_camera)
              for i, frame in enumerate(scenes.sphere_frames())]
    lost = np.full((4, 4), -np.inf)
    return [*frames, PosedFrame('6', frames[0].depth_m, frames[0].rgb, scenes.CAMERA,
                                scenes.CAMERA, lost)]


def test_the_incomplete_volume_is_part_of_the_complete_one(scenes):
    incomplete, complete = fuse_scene(
        sequence(scenes), TsdfFusion(scenes.SPHERE_GRID), kept=('0', '3'))
    observed = incomplete.weight > 0
    assert (complete.weight[observed] > 0).all()
    assert incomplete.surface.sum() < complete.surface.sum()
    assert (complete.weight[incomplete.surface] > 0).all()
    assert (complete.weight >= incomplete.weight).all()


def test_a_kept_frame_that_is_missing_or_lost_is_reported(scenes):
    with pytest.raises(DataError, match=r"2 frames to keep .* such as '6'"):
        fuse_scene(sequence(scenes), TsdfFusion(scenes.SPHERE_GRID), kept=('6', '9'))


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ConfigurationError, match=r'expected \(Y, X\)'):
        TsdfFusion(wall_grid(), is_updated=np.ones((76, 5), np.bool_))


@pytest.mark.gpu
def test_a_gpu_fuses_as_the_cpu(scenes):
    fusions = [TsdfFusion(scenes.SPHERE_GRID, device) for device in ('cpu', 'cuda')]
    for fusion in fusions:
        for frame in scenes.sphere_frames():
            fusion.integrate(frame)
    on_cpu, on_gpu = (fusion.volume() for fusion in fusions)
    differs = (on_cpu.weight != on_gpu.weight) | (on_cpu.rgb != on_gpu.rgb).any(axis=-1)
    differs |= ~np.isclose(on_cpu.tsdf_m, on_gpu.tsdf_m, atol=1e-5)
    # Rounding may send a voxel between two pixels to the other one.
    assert differs.mean() < 1e-3
