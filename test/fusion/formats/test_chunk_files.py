"""Tests of the files of training chunks, byte by byte."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats import (
    ChunkFile,
    PyramidFile,
    SparseTsdf,
    read_chunk,
    read_frame_list,
    read_pyramid,
    sparse_tsdf,
    write_chunk,
    write_frame_list,
    write_pyramid,
    write_sdf,
)
from ssc_ros.fusion.formats.chunk_files import coarser_grid


@pytest.mark.parametrize('has_known', [True, False])
def test_a_chunk_is_written_as_it_was_read(scenes, tmp_path, has_known):
    chunk = ChunkFile.of(scenes.random_volume((6, 5, 4)))
    chunk = chunk if has_known else replace(chunk, known=None)
    write_chunk(tmp_path / 'a.sdf', chunk)
    again = read_chunk(tmp_path / 'a.sdf')
    np.testing.assert_array_equal(again.rgb, chunk.rgb)
    np.testing.assert_array_equal(again.sparse.locations, chunk.sparse.locations)
    assert (again.known is not None) == has_known
    write_chunk(tmp_path / 'b.sdf', again)
    assert (tmp_path / 'a.sdf').read_bytes() == (tmp_path / 'b.sdf').read_bytes()


def test_a_chunk_ends_with_what_is_known_and_with_all_colours(scenes, tmp_path):
    volume = scenes.random_volume((6, 5, 4))
    write_chunk(tmp_path / 'a.sdf', ChunkFile.of(volume))
    write_sdf(tmp_path / 'sparse.sdf', sparse_tsdf(volume))
    count = struct.pack('<Q', 120)
    assert (tmp_path / 'a.sdf').read_bytes() == (
        (tmp_path / 'sparse.sdf').read_bytes() + count + volume.known.tobytes()
        + count + volume.rgb.tobytes())


def test_a_chunk_reads_as_the_volume_that_it_was(scenes, tmp_path):
    volume = scenes.random_volume((6, 5, 4))
    write_chunk(tmp_path / 'a.sdf', ChunkFile.of(volume))
    again = read_chunk(tmp_path / 'a.sdf').volume
    np.testing.assert_array_equal(again.network_input(), volume.network_input())


def test_listed_distances_correct_what_is_known(scenes):
    volume = scenes.random_volume((6, 5, 4))
    chunk = replace(ChunkFile.of(volume), known=np.full((6, 5, 4), 9, np.uint8))
    known, tsdf = chunk.corrected_known(), volume.tsdf_voxels
    is_listed = np.abs(tsdf) <= 6
    assert (known[is_listed & (np.abs(tsdf) <= 1)] == 1).all()
    assert (known[is_listed & (tsdf > 1)] == 0).all()
    assert (known[~is_listed | (tsdf < -1)] == 9).all()


def test_a_scene_read_as_a_chunk_is_refused(scenes, tmp_path):
    write_sdf(tmp_path / 'a.sdf', sparse_tsdf(scenes.random_volume((6, 5, 4))))
    with pytest.raises(DataError, match='ends too early'):
        read_chunk(tmp_path / 'a.sdf')


def test_a_pyramid_is_written_as_it_was_read(scenes, tmp_path):
    volume = scenes.random_volume((8, 8, 16))
    target = sparse_tsdf(volume)
    levels = [sparse_tsdf(scenes.random_volume(coarser_grid(volume.grid, factor).shape))
              for factor in (2, 4, 8)]
    half, quarter, eighth = (
        SparseTsdf(coarser_grid(volume.grid, factor), level.locations, level.tsdf_m)
        for factor, level in zip((2, 4, 8), levels, strict=True))
    source = SparseTsdf(target.grid, target.locations[::2], target.tsdf_m[::2])
    block = PyramidFile(source, target, volume.known, (half, quarter, eighth))
    write_pyramid(tmp_path / 'a.sdfs', block)
    again = read_pyramid(tmp_path / 'a.sdfs')
    assert [level.grid.shape for level in again.coarser] == [(4, 4, 8), (2, 2, 4), (1, 1, 2)]
    for either, other in zip((again.source, again.target, *again.coarser),
                             (source, target, half, quarter, eighth), strict=True):
        np.testing.assert_array_equal(either.locations, other.locations)
        np.testing.assert_array_equal(either.tsdf_m, other.tsdf_m)
    write_pyramid(tmp_path / 'b.sdfs', again)
    content = (tmp_path / 'a.sdfs').read_bytes()
    assert content == (tmp_path / 'b.sdfs').read_bytes()
    lists = sum(map(len, (source, target, half, quarter, eighth)))
    assert len(content) == 92 + 5 * 8 + 16 * lists + 8 + 8 * 8 * 16


def test_a_coarse_voxel_lies_in_the_middle_of_those_that_it_holds(scenes):
    grid = scenes.plain_grid((8, 8, 8))
    coarse = coarser_grid(grid, 4)
    np.testing.assert_allclose(coarse.to_world([[0, 0, 0]]), grid.to_world([[1.5, 1.5, 1.5]]))
    np.testing.assert_allclose(coarse.to_world([[1, 0, 0]]), grid.to_world([[5.5, 1.5, 1.5]]))


def test_lists_of_frames_are_filled_up_with_empty_slots(tmp_path):
    write_frame_list(tmp_path / 'a.txt', ['12', '7'], slots=5)
    assert (tmp_path / 'a.txt').read_text() == '12\n7\n-1\n-1\n-1\n'
    assert read_frame_list(tmp_path / 'a.txt') == ('12', '7')
