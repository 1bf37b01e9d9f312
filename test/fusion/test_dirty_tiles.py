"""Tests of the record of what a network has not seen yet."""

from __future__ import annotations

import numpy as np

from ssc_ros.fusion.dirty_tiles import DirtyTiles, seen_corners
from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.rolling_arrays import PlaneBox
from ssc_ros.fusion.settings import FusionSettings

WINDOW = PlaneBox((-40, -40), (80, 80))


def test_the_tile_that_waits_longest_comes_first_however_often_it_changes():
    tiles = DirtyTiles(10)
    tiles.mark(PlaneBox((-5, 12), (1, 1)))
    tiles.mark(PlaneBox((21, 3), (1, 1)))
    tiles.mark(PlaneBox((-5, 12), (1, 1)))
    assert len(tiles) == 2 and tiles.oldest(WINDOW) == PlaneBox((-10, 10), (10, 10))
    tiles.clean(PlaneBox((-10, 10), (10, 10)))
    assert tiles.oldest(WINDOW) == PlaneBox((20, 0), (10, 10))


def test_a_box_marks_every_tile_it_touches_and_cleans_those_it_holds():
    tiles = DirtyTiles(10)
    tiles.mark(PlaneBox((-1, 0), (12, 10)))
    assert len(tiles) == 3
    tiles.clean(PlaneBox((-9, 0), (29, 10)))
    assert len(tiles) == 1 and tiles.oldest(WINDOW).middle == (-5, 5)
    assert tiles.is_dirty(PlaneBox((-10, 0), (10, 10)))
    assert not tiles.is_dirty(PlaneBox((0, 0), (10, 10)))


def test_tiles_that_the_map_left_are_forgotten():
    tiles = DirtyTiles(10)
    tiles.mark(PlaneBox((500, 0), (30, 30)))
    assert tiles.oldest(WINDOW) is None and len(tiles) == 0
    tiles.mark(WINDOW)
    tiles.clear()
    assert len(tiles) == 0


def test_the_corners_hold_all_that_a_frame_shows(scenes):
    size = scenes.CAMERA.size
    depth = np.full(size, 1.0, np.float32)
    depth[10, 10] = 3.0
    depth[11, 11] = 9.0  # too far to be fused
    frame = PreparedFrame(depth, np.zeros((*size, 3), np.uint8), scenes.CAMERA,
                          scenes.looking(np.array([1.0, 2.0, 0.5]), np.array([1.0, 0.0, 0.0])))
    corners = seen_corners(frame, FusionSettings(), 0.1)
    np.testing.assert_allclose(corners[0], [1.0, 2.0, 0.5])
    np.testing.assert_allclose(corners[1:, 0], 4.36)  # and the truncation
    half = 3.36 * 159.5 / 280
    np.testing.assert_allclose(sorted(corners[1:, 1]), [2 - half, 2 - half, 2 + half, 2 + half])
    empty = seen_corners(PreparedFrame(
        np.zeros(size, np.float32), frame.rgb, frame.camera, frame.T_world_camera),
        FusionSettings(), 0.1)
    assert np.abs(empty - [1.0, 2.0, 0.5]).max() < 0.31
