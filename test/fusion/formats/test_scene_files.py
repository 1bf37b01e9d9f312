"""Tests of the files of whole scenes, byte by byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats import (
    SparseTsdf,
    read_colors,
    read_dense_sdf,
    read_known,
    read_scene,
    read_sdf,
    read_semantics,
    sparse_tsdf,
    write_colors,
    write_dense_sdf,
    write_known,
    write_scene,
    write_sdf,
    write_semantics,
)
from ssc_ros.fusion.volume_grid import VolumeGrid

MATRIX = np.arange(16, dtype=np.float64).reshape(4, 4) / 4
HEADER = struct.pack('<3Qf16f', 5, 7, 11, 0.02, *MATRIX.ravel())
THREE_VOXELS = (
    HEADER + struct.pack('<Q', 3) + struct.pack('<9I', 4, 0, 0, 1, 2, 3, 0, 6, 10)
    + struct.pack('<3f', 0.02, -0.04, 0.12))


def sparse_of(count: int) -> SparseTsdf:
    random = np.random.default_rng(count)
    grid = VolumeGrid((40, 60, 50), float(np.float32(0.02)), MATRIX)
    flat = np.sort(random.choice(grid.num_voxels, count, replace=False))
    locations = np.stack(np.unravel_index(flat, grid.shape), axis=1).astype(np.int32)
    return SparseTsdf(grid, locations, random.uniform(-0.12, 0.12, count).astype(np.float32))


def test_the_header_has_92_bytes(tmp_path):
    assert len(HEADER) == 92
    grid = VolumeGrid((11, 7, 5), float(np.float32(0.02)), MATRIX)
    write_dense_sdf(tmp_path / 'a.sdf', grid, np.zeros((11, 7, 5), np.float32))
    assert (tmp_path / 'a.sdf').read_bytes()[:92] == HEADER


def test_a_file_of_three_voxels_is_read_as_its_bytes_say(tmp_path):
    (tmp_path / 'a.sdf').write_bytes(THREE_VOXELS)
    sparse = read_sdf(tmp_path / 'a.sdf')
    assert sparse.grid.shape == (11, 7, 5)
    assert sparse.grid.voxel_size_m == pytest.approx(0.02)
    np.testing.assert_array_equal(sparse.grid.T_grid_world, MATRIX)
    assert sparse.locations.tolist() == [[0, 0, 4], [3, 2, 1], [10, 6, 0]]
    np.testing.assert_allclose(sparse.tsdf_m, [0.02, -0.04, 0.12], rtol=1e-6)
    np.testing.assert_allclose(sparse.tsdf_voxels, [1, -2, 6], rtol=1e-6)


def test_x_runs_fastest_and_z_slowest(tmp_path):
    grid = VolumeGrid((11, 7, 5), 0.02, MATRIX)
    dense = np.zeros(grid.shape, np.float32)
    dense[8, 3, 2] = 7
    write_dense_sdf(tmp_path / 'a.sdf', grid, dense)
    body = np.frombuffer((tmp_path / 'a.sdf').read_bytes()[92:], '<f4')
    assert np.flatnonzero(body).tolist() == [2 + 5 * (3 + 7 * 8)]
    read_grid, values = read_dense_sdf(tmp_path / 'a.sdf')
    assert read_grid.shape == grid.shape
    np.testing.assert_array_equal(values, dense)


@pytest.mark.parametrize('count', [0, 1, 100_000])
def test_a_sparse_file_is_written_as_it_was_read(tmp_path, count):
    sparse = sparse_of(count)
    write_sdf(tmp_path / 'a.sdf', sparse)
    again = read_sdf(tmp_path / 'a.sdf')
    np.testing.assert_array_equal(again.locations, sparse.locations)
    np.testing.assert_array_equal(again.tsdf_m, sparse.tsdf_m)
    write_sdf(tmp_path / 'b.sdf', again)
    assert (tmp_path / 'a.sdf').read_bytes() == (tmp_path / 'b.sdf').read_bytes()
    assert (tmp_path / 'a.sdf').stat().st_size == 92 + 8 + 16 * count


@pytest.mark.parametrize('count', [0, 1, 1000])
def test_colours_have_no_header_of_volumes(tmp_path, count):
    colors = np.random.default_rng(0).integers(0, 256, (count, 3), np.uint8)
    write_colors(tmp_path / 'a.colors', (11, 7, 5), colors)
    expected = struct.pack('<4Q', 5, 7, 11, count) + colors.tobytes()
    assert (tmp_path / 'a.colors').read_bytes() == expected
    shape, again = read_colors(tmp_path / 'a.colors')
    assert shape == (11, 7, 5)
    np.testing.assert_array_equal(again, colors)


def test_known_codes_are_bare_bytes_and_classes_have_their_shape(tmp_path):
    codes = np.random.default_rng(0).integers(0, 256, (4, 3, 2), np.uint8)
    write_known(tmp_path / 'a.knw', codes)
    assert (tmp_path / 'a.knw').read_bytes() == codes.tobytes()
    np.testing.assert_array_equal(read_known(tmp_path / 'a.knw', (4, 3, 2)), codes)
    write_semantics(tmp_path / 'a.sem', codes.astype(np.uint16) * 200)
    assert (tmp_path / 'a.sem').read_bytes()[:24] == struct.pack('<3Q', 2, 3, 4)
    np.testing.assert_array_equal(read_semantics(tmp_path / 'a.sem'),
                                  codes.astype(np.uint16) * 200)


def test_a_scene_comes_back_with_its_band_and_colours(scenes, tmp_path):
    volume = scenes.random_volume((6, 5, 4))
    write_scene(tmp_path / 'room__0__.sdf', volume)
    again = read_scene(tmp_path / 'room__0__.sdf')
    is_kept = np.abs(volume.tsdf_voxels) <= 6
    np.testing.assert_array_equal(again.tsdf_m[is_kept], volume.tsdf_m[is_kept])
    assert (again.tsdf_m[~is_kept] == -np.inf).all() and not again.weight[~is_kept].any()
    np.testing.assert_array_equal(again.rgb[is_kept], volume.rgb[is_kept])
    np.testing.assert_array_equal(again.network_input(), volume.network_input())
    known = read_known(tmp_path / 'room__0__.knw', (6, 5, 4))
    np.testing.assert_array_equal(known, volume.known)


def test_colours_of_another_scene_are_refused(scenes, tmp_path):
    write_scene(tmp_path / 'a.sdf', scenes.random_volume((6, 5, 4)))
    write_colors(tmp_path / 'a.colors', (6, 5, 4), np.zeros((3, 3), np.uint8))
    with pytest.raises(DataError, match='of different scenes'):
        read_scene(tmp_path / 'a.sdf')


@pytest.mark.parametrize('length', [10, 95, 120, len(THREE_VOXELS) - 1])
def test_a_file_that_was_cut_off_says_where_it_ends(tmp_path, length):
    (tmp_path / 'a.sdf').write_bytes(THREE_VOXELS[:length])
    with pytest.raises(DataError, match=r'a\.sdf ends too early'):
        read_sdf(tmp_path / 'a.sdf')


def test_bytes_beyond_the_end_are_refused(tmp_path):
    (tmp_path / 'a.sdf').write_bytes(THREE_VOXELS + b'x')
    with pytest.raises(DataError, match='1 bytes more'):
        read_sdf(tmp_path / 'a.sdf')


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / 'a.sdf').write_bytes(bytes(200))
    with pytest.raises(DataError, match='does not start with the header of a volume'):
        read_sdf(tmp_path / 'a.sdf')


def test_a_voxel_outside_its_volume_is_refused(scenes):
    sparse = sparse_tsdf(scenes.random_volume((3, 3, 3)))
    with pytest.raises(DataError, match='outside the volume'):
        SparseTsdf(sparse.grid, sparse.locations + 3, sparse.tsdf_m)
