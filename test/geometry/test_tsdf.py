"""Tests of the truncated signed distance of one depth image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose, make_rigid
from ssc_ros.geometry.tsdf import SSCNET_TSDF, TsdfSettings, compute_tsdf

# The intrinsics with which the TSDF volumes of 3D-Sketch were made.
NYU_CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
NYU_GRID = VoxelGrid((-2.4, 1.0, -0.05), 0.08, (60, 36, 60), 'xzy')
FINE_NYU_GRID = VoxelGrid(NYU_GRID.origin_m, 0.02, (240, 144, 240), 'xzy')
PROJECTIVE = TsdfSettings(kind='projective', unobserved=1.0)
ALL_SETTINGS = (
    TsdfSettings(), SSCNET_TSDF, PROJECTIVE,
    TsdfSettings(kind='projective', unobserved=1.0, flipped=True))

TINY_CAMERA = PinholeCamera(30.0, 31.0, 15.3, 11.8, 24, 32)
TINY_GRID = VoxelGrid((-0.6, 0.7, -0.3), 0.1, (12, 9, 15), 'xzy')


def checkerboard() -> tuple[np.ndarray, np.ndarray]:
    """Return depth of a checkerboard relief whose points lie in the middle of cells, and pose."""
    row, column = np.mgrid[:480, :640]
    depth_m = 2.01 + 0.5 * ((column // 80 + row // 60) % 2)
    depth_m[:, :20] = 0
    return depth_m.astype(np.float32), inverse_rigid(level_camera_pose(height_m=1.2))


def reference_tsdf(depth_m, camera, grid, T_camera_voxel, options):
    """Compute the values of a fine grid cell by cell, with all pairs of cells and surfaces."""
    depth = np.where(np.isfinite(depth_m), depth_m, 0.0).astype(np.float64)
    v, u = np.nonzero(depth > 0)
    d = depth[v, u]
    points = np.stack([(u - camera.cx) * d / camera.fx, (v - camera.cy) * d / camera.fy, d], 1)
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    surface, is_inside = grid.point_to_index(
        points @ T_voxel_camera[:3, :3].T + T_voxel_camera[:3, 3])
    surface = surface[is_inside]
    cells = np.indices(grid.shape).reshape(3, -1).T
    corners = np.asarray(grid.origin_m) + grid.voxel_size_m * cells[:, grid.axes]
    x, y, z = (corners @ T_camera_voxel[:3, :3].T + T_camera_voxel[:3, 3]).T
    values = np.full(len(cells), options.unobserved)
    squared = np.full(len(cells), 144)
    for cell in surface:
        squared = np.minimum(squared, ((cells - cell) ** 2).sum(axis=1))
    for i in np.flatnonzero(z > 0):
        column = int(np.floor(camera.fx * x[i] / z[i] + camera.cx + 0.5))
        row = int(np.floor(camera.fy * y[i] / z[i] + camera.cy + 0.5))
        if not (0 <= column < camera.width and 0 <= row < camera.height):
            continue
        ahead = depth[row, column] - z[i]
        if options.kind == 'projective':
            ray = np.sqrt(1 + (x[i] / z[i]) ** 2 + (y[i] / z[i]) ** 2)
            along = ahead * ray / (12 * grid.voxel_size_m)
            values[i] = np.clip(along, -1, 1) if depth[row, column] > 0 else -1
        elif 0.5 <= depth[row, column] <= 8:
            values[i] = (1 if ahead > -1e-4 else -1) * np.sqrt(squared[i]) / 12
    if options.kind == 'accurate':
        values[squared == 0] = 0
    if options.flipped:
        values = np.where(values > -0.001, 1, -1) * np.maximum(0.001, 1 - np.abs(values))
    return values.reshape(grid.shape)


@st.composite
def scenes(draw):
    """Return a small depth image with holes, steps and far points, and a tilted camera."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = random.choice([0.0, 0.4, 0.9, 1.3, 1.7, 2.2, 9.0, np.nan, np.inf], (6, 8))
    depth_m = np.kron(levels, np.ones((4, 4))).astype(np.float32)
    depth_m += random.normal(0, draw(st.sampled_from([0.0, 0.02])), depth_m.shape)
    pose = level_camera_pose(
        height_m=draw(st.floats(0.2, 1.0)), pitch_rad=draw(st.floats(-0.7, 0.7)),
        roll_rad=draw(st.floats(-0.3, 0.3)))
    shift = [draw(st.floats(-0.3, 0.3)), draw(st.floats(-0.5, 1.5)), 0.0]
    return depth_m, inverse_rigid(make_rigid(np.eye(3), shift) @ pose)


@given(scene=scenes(), options=st.sampled_from(ALL_SETTINGS))
def test_every_cell_has_the_value_of_a_search_over_all_surface_cells(scene, options):
    depth_m, T_camera_voxel = scene
    volume = compute_tsdf(
        depth_m, TINY_CAMERA, TINY_GRID, T_camera_voxel, subdivision=1, settings=options)
    expected = reference_tsdf(depth_m, TINY_CAMERA, TINY_GRID, T_camera_voxel, options)
    np.testing.assert_allclose(volume.values, expected, atol=1e-6)


@given(scene=scenes(), options=st.sampled_from(ALL_SETTINGS), factor=st.integers(2, 4))
def test_coarse_values_are_means_of_the_fine_ones(scene, options, factor):
    depth_m, T_camera_voxel = scene
    shape = tuple(length * factor for length in (7, 5, 6))
    fine_grid = VoxelGrid(TINY_GRID.origin_m, 0.2 / factor, shape, 'xzy')
    fine = compute_tsdf(
        depth_m, TINY_CAMERA, fine_grid, T_camera_voxel, subdivision=1, settings=options)
    coarse = compute_tsdf(
        depth_m, TINY_CAMERA, fine_grid.coarsened(factor), T_camera_voxel, subdivision=factor,
        settings=options)
    blocks = fine.values.reshape(7, factor, 5, factor, 6, factor)
    np.testing.assert_allclose(
        coarse.values, blocks.mean(axis=(1, 3, 5), dtype=np.float64), atol=1e-6)
    pixels = np.where(fine.pixel_of_voxel == depth_m.size, -1, fine.pixel_of_voxel)
    last = pixels.reshape(blocks.shape).max(axis=(1, 3, 5)).reshape(-1)
    np.testing.assert_array_equal(
        coarse.pixel_of_voxel, np.where(last < 0, depth_m.size, last))


@given(scene=scenes())
def test_a_voxel_names_the_last_pixel_whose_point_it_contains(scene):
    depth_m, T_camera_voxel = scene
    volume = compute_tsdf(depth_m, TINY_CAMERA, TINY_GRID, T_camera_voxel, subdivision=2)
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    expected = np.full(TINY_GRID.num_voxels, depth_m.size)
    for pixel, depth in enumerate(depth_m.reshape(-1).astype(np.float64)):
        if np.isfinite(depth) and depth > 0:
            v, u = divmod(pixel, TINY_CAMERA.width)
            ray = [(u - TINY_CAMERA.cx) / TINY_CAMERA.fx, (v - TINY_CAMERA.cy) / TINY_CAMERA.fy, 1]
            point = T_voxel_camera[:3, :3] @ np.multiply(ray, depth) + T_voxel_camera[:3, 3]
            (index,), (is_inside,) = TINY_GRID.point_to_index(point[None])
            if is_inside:
                expected[np.ravel_multi_index(tuple(index), TINY_GRID.shape)] = pixel
    np.testing.assert_array_equal(volume.pixel_of_voxel, expected)


@given(scene=scenes(), options=st.sampled_from(ALL_SETTINGS))
@settings(max_examples=20)
def test_tensors_on_any_device_and_arrays_give_the_same(scene, options):
    torch = pytest.importorskip('torch')
    from ssc_ros.geometry.tsdf_tensor import tensor_tsdf

    depth_m, T_camera_voxel = scene
    volume = compute_tsdf(depth_m, TINY_CAMERA, TINY_GRID, T_camera_voxel, settings=options)
    # The code of the GPU, run on the CPU.
    values, pixels = tensor_tsdf(
        torch.from_numpy(depth_m), TINY_CAMERA, TINY_GRID, T_camera_voxel, subdivision=4,
        settings=options)
    np.testing.assert_allclose(values.numpy(), volume.values, atol=1e-6)
    np.testing.assert_array_equal(pixels.numpy(), volume.pixel_of_voxel)


def test_a_tensor_in_gives_tensors_out():
    torch = pytest.importorskip('torch')
    depth_m, T_camera_voxel = checkerboard()
    volume = compute_tsdf(torch.from_numpy(depth_m), NYU_CAMERA, NYU_GRID, T_camera_voxel)
    expected = compute_tsdf(depth_m, NYU_CAMERA, NYU_GRID, T_camera_voxel)
    assert volume.values.dtype == torch.float32
    assert volume.pixel_of_voxel.dtype == torch.int64
    np.testing.assert_array_equal(volume.values.numpy(), expected.values)
    np.testing.assert_array_equal(volume.pixel_of_voxel.numpy(), expected.pixel_of_voxel)


@pytest.mark.gpu
@pytest.mark.parametrize('options', ALL_SETTINGS)
def test_the_gpu_gives_the_values_of_the_cpu(options):
    import torch
    depth_m, T_camera_voxel = checkerboard()
    depth_m += np.random.default_rng(0).normal(0, 0.02, depth_m.shape).astype(np.float32)
    expected = compute_tsdf(depth_m, NYU_CAMERA, NYU_GRID, T_camera_voxel, settings=options)
    volume = compute_tsdf(
        torch.from_numpy(depth_m).cuda(), NYU_CAMERA, NYU_GRID, T_camera_voxel, settings=options)
    assert volume.values.is_cuda
    # Fused multiplications may move a point that lies on a border to the next cell or pixel.
    difference = np.abs(volume.values.cpu().numpy() - expected.values)
    assert (difference > 1e-6).sum() <= 5
    assert difference.max() <= 5 / 64
    visible = expected.pixel_of_voxel < depth_m.size
    changed = volume.pixel_of_voxel.cpu().numpy() != expected.pixel_of_voxel
    assert changed.sum() <= 1e-3 * visible.sum()


def test_a_checkerboard_has_the_known_distances_and_pixels():
    depth_m, T_camera_voxel = checkerboard()
    volume = compute_tsdf(depth_m, NYU_CAMERA, NYU_GRID, T_camera_voxel)
    values = volume.values
    assert [(values == value).sum() for value in (-1, 0, 1)] == [75_204, 37_167, 2_511]
    assert (values < -0.5).sum() == 79_728
    assert values.sum(dtype=np.float64) == pytest.approx(-74_197.597, abs=1e-2)
    assert np.abs(values).sum(dtype=np.float64) == pytest.approx(84_866.287, abs=1e-2)
    visible = np.flatnonzero(volume.pixel_of_voxel < depth_m.size)
    assert len(visible) == 1_289
    assert volume.pixel_of_voxel[visible].sum() == 207_234_069
    assert visible[:3].tolist() == [23898, 23958, 24018]
    assert volume.pixel_of_voxel[visible[:3]].tolist() == [306587, 295707, 285467]


def test_a_checkerboard_has_the_known_fine_distances():
    depth_m, T_camera_voxel = checkerboard()
    values = compute_tsdf(
        depth_m, NYU_CAMERA, FINE_NYU_GRID, T_camera_voxel, subdivision=1).values
    assert values.shape == FINE_NYU_GRID.shape
    counts = [(values == value).sum() for value in (-1, 0, 1)]
    assert counts == [4_915_363, 2_526_662, 227_683]


def test_sscnets_variant_marks_surfaces_with_one_and_the_unknown_with_a_trace_of_free():
    depth_m, T_camera_voxel = checkerboard()
    plain = compute_tsdf(depth_m, NYU_CAMERA, FINE_NYU_GRID, T_camera_voxel, subdivision=1)
    flipped = compute_tsdf(depth_m, NYU_CAMERA, FINE_NYU_GRID, T_camera_voxel, subdivision=1,
                           settings=SSCNET_TSDF).values
    surface = plain.pixel_of_voxel.reshape(flipped.shape) < depth_m.size
    assert surface.sum() == 15_637
    assert (flipped[surface] == 1).all()
    unobserved = (plain.values == 0) & ~surface
    assert (flipped[unobserved] == np.float32(0.001)).all()
    near = (np.abs(plain.values) < 0.999) & (plain.values != 0)
    np.testing.assert_allclose(
        flipped[near], np.sign(plain.values[near]) * (1 - np.abs(plain.values[near])), atol=1e-6)


def test_the_projective_distance_of_a_wall_is_the_distance_along_the_ray():
    depth_m = np.full(NYU_CAMERA.size, 3.4, np.float32)
    T_camera_voxel = inverse_rigid(level_camera_pose(height_m=1.2))
    values = compute_tsdf(depth_m, NYU_CAMERA, FINE_NYU_GRID, T_camera_voxel, subdivision=1,
                          settings=PROJECTIVE).values
    # Cell (120, 62, 115) stands straight ahead, its corner at 1 + 115 * 0.02 = 3.3 m.
    assert values[120, 62, 115] == pytest.approx(0.1 / 0.24, abs=1e-3)
    assert (values[120, 62, 133], values[120, 62, 0]) == (-1, 1)


@pytest.mark.parametrize('missing', [0.0, np.nan, np.inf, -1.0])
def test_without_any_depth_nothing_is_observed(missing: float):
    depth_m = np.full(TINY_CAMERA.size, missing, np.float32)
    T_camera_voxel = inverse_rigid(level_camera_pose(height_m=0.5))
    # One ray runs exactly along an axis: 0 times infinity.
    camera = PinholeCamera(30.0, 31.0, 15.0, 11.0, 24, 32)
    volume = compute_tsdf(depth_m, camera, TINY_GRID, T_camera_voxel)
    assert not volume.values.any()
    assert (volume.pixel_of_voxel == depth_m.size).all()


@given(scene=scenes(), options=st.sampled_from(ALL_SETTINGS))
def test_values_stay_between_minus_one_and_one(scene, options):
    depth_m, T_camera_voxel = scene
    volume = compute_tsdf(depth_m, TINY_CAMERA, TINY_GRID, T_camera_voxel, settings=options)
    assert volume.values.dtype == np.float32
    assert volume.values.shape == TINY_GRID.shape
    assert np.abs(volume.values).max() <= 1


def test_depth_of_another_size_says_how_to_fix_it():
    with pytest.raises(ConfigurationError, match='resized'):
        compute_tsdf(np.ones((3, 4), np.float32), TINY_CAMERA, TINY_GRID, np.eye(4))


def test_depth_in_whole_millimetres_is_refused():
    with pytest.raises(ConfigurationError, match='divide millimetres by 1000'):
        compute_tsdf(np.ones(TINY_CAMERA.size, np.uint16), TINY_CAMERA, TINY_GRID, np.eye(4))


def test_an_unknown_kind_of_distance_is_refused():
    with pytest.raises(ConfigurationError, match='accurate or projective'):
        TsdfSettings(kind='euclidean')  # type: ignore[arg-type]


def real_frame(shared_data: Path) -> tuple[np.ndarray, VoxelGrid, np.ndarray]:
    """Return depth, grid and pose of frame 1 in SSCNet's raw format."""
    stem = shared_data / 'nyu_raw' / 'depthbin' / 'NYUtest' / 'NYU0001_0000'
    if not stem.with_suffix('.bin').is_file():
        pytest.skip(f'no raw frame {stem}')
    stored = cv2.imread(str(stem.with_suffix('.png')), cv2.IMREAD_UNCHANGED)
    depth_m = ((stored >> 3) | (stored << 13)).astype(np.uint16) / np.float32(1000)
    head = np.frombuffer(stem.with_suffix('.bin').read_bytes()[:76], '<f4').astype(np.float64)
    x, y, z = head[:3]
    return depth_m, VoxelGrid((x, y, z), 0.08, (60, 36, 60), 'xzy'), inverse_rigid(
        head[3:].reshape(4, 4))


def test_the_published_volume_of_a_real_frame_is_reproduced(shared_data: Path):
    depth_m, grid, T_camera_voxel = real_frame(shared_data)
    volume = compute_tsdf(depth_m, NYU_CAMERA, grid, T_camera_voxel)
    values = volume.values
    # In single precision, as the publishers computed, four of the fine cells fall otherwise.
    for value, count in ((-1, 58_465), (0, 42_480), (1, 8_420)):
        assert (values == value).sum() == pytest.approx(count, abs=5)
    assert values.sum(dtype=np.float64) == pytest.approx(-51_642.746, abs=5 / 64)
    assert np.abs(values).sum(dtype=np.float64) == pytest.approx(77_136.321, abs=5 / 64)
    visible = np.flatnonzero(volume.pixel_of_voxel < depth_m.size)
    assert len(visible) == 2_750
    assert volume.pixel_of_voxel[visible].sum() == 473_699_907
    assert visible[:3].tolist() == [17967, 18027, 18087]
    assert volume.pixel_of_voxel[visible[:3]].tolist() == [192030, 190110, 177310]


def test_a_real_frame_differs_from_the_published_file_in_at_most_five_fine_cells(
        shared_data: Path):
    depth_m, grid, T_camera_voxel = real_frame(shared_data)
    volume = compute_tsdf(depth_m, NYU_CAMERA, grid, T_camera_voxel)
    folder = shared_data / 'nyu'
    if not (folder / 'TSDF' / '0001.npz').is_file():
        pytest.skip(f'no published volumes in {folder}')
    published = np.load(folder / 'TSDF' / '0001.npz')['arr_0'].reshape(grid.shape)
    difference = np.abs(volume.values - published)
    assert (difference > 1e-6).sum() <= 5
    assert difference.max() <= 5 / 64
    np.testing.assert_array_equal(
        volume.pixel_of_voxel, np.load(folder / 'Mapping' / '0001.npz')['arr_0'])


def test_the_box_of_a_robots_camera_works_as_that_of_the_data_set():
    box = nyu_placement(level_camera_pose(height_m=1.2))
    depth_m, T_camera_voxel = checkerboard()
    volume = compute_tsdf(depth_m, NYU_CAMERA, box.grid, box.T_camera_voxel)
    expected = compute_tsdf(depth_m, NYU_CAMERA, NYU_GRID, T_camera_voxel)
    np.testing.assert_array_equal(volume.values, expected.values)
