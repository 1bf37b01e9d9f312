"""Tests of the cutting of scenes into chunks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.fusion.chunks import ChunkRules, chunk_starts, iter_chunks
from ssc_ros.fusion.scene_volume import SceneVolume

RULES = ChunkRules((8, 4, 4), stride=2, min_complete=16, min_incomplete=8)


def floor_volume(scenes, columns: int, length: int = 12) -> SceneVolume:
    """Return a volume whose floor is observed in the first columns."""
    shape = (6, 4, length)
    tsdf = np.full(shape, -np.inf, np.float32)
    tsdf[3, :, :columns] = 0
    return SceneVolume(scenes.plain_grid(shape), tsdf, (tsdf == 0).astype(np.uint8),
                       np.zeros((*shape, 3), np.uint8))


def test_windows_cover_a_scene_with_half_of_their_width_shared():
    starts = list(chunk_starts((300, 130, 64)))
    assert starts == [(0, y, 0) for y in (0, 32, 64, 96)]


def test_a_scene_smaller_than_a_chunk_is_one_chunk():
    assert list(chunk_starts((50, 10, 20))) == [(0, 0, 0)]


def test_chunks_stand_on_the_base_and_are_filled_up_above(scenes):
    chunk = next(iter_chunks(floor_volume(scenes, 3), floor_volume(scenes, 12), RULES))
    assert chunk.start == (0, 0, 0)
    assert chunk.complete.grid.shape == chunk.incomplete.grid.shape == (8, 4, 4)
    assert (chunk.complete.tsdf_m[3] == 0).all()
    assert (chunk.complete.tsdf_m[6:] == -np.inf).all()


def test_chunks_are_kept_where_the_complete_volume_adds_surface(scenes):
    incomplete, complete = floor_volume(scenes, 6), floor_volume(scenes, 12)
    # The first two windows lie in what both volumes have, from 8 on the incomplete has nothing.
    starts = [chunk.start[2] for chunk in iter_chunks(incomplete, complete, RULES)]
    assert starts == [4]
    eager = replace(RULES, min_incomplete=0, min_gain=0.0)
    assert [chunk.start[2] for chunk in iter_chunks(incomplete, complete, eager)] == [
        0, 2, 4, 6, 8]


def test_chunks_without_enough_surface_are_left_out(scenes):
    strict = replace(RULES, min_complete=17)
    assert not list(iter_chunks(floor_volume(scenes, 6), floor_volume(scenes, 12), strict))


def test_volumes_on_two_grids_are_refused(scenes):
    with pytest.raises(DataError, match='fuse both on one grid'):
        next(iter_chunks(floor_volume(scenes, 3), floor_volume(scenes, 3, length=13), RULES))
