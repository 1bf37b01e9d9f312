"""Tests of which frames show a chunk."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.fusion.association import FrameAssociation
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.geometry.cameras import PinholeCamera

# Samples lie 4 pixels apart: 20 rows of 20, and with a wall at 1 m they lie 2 cm apart.
CAMERA = PinholeCamera(200.0, 200.0, 38.0, 38.0, 80, 80)
WALL_Z = 50


@pytest.fixture(scope='module')
def wall(scenes) -> SceneVolume:
    """Return a volume with a wall at 1 m before a camera at its origin."""
    shape = (60, 40, 40)
    distance = np.broadcast_to((WALL_Z - np.arange(60))[:, None, None] * 0.02, shape)
    grid = scenes.plain_grid(shape).cropped((0, -20, -20), shape)
    return SceneVolume(grid, distance.astype(np.float32), np.ones(shape, np.uint8),
                       np.zeros((*shape, 3), np.uint8))


def frame_with(samples: int, frame_id: str = '1', depth_m: float = 1.0) -> PosedFrame:
    """Return a frame of 400 samples, so many of them on the wall, in columns left to right."""
    depth = np.zeros((80, 80), np.float32)
    sampled = np.full(400, 0.5, np.float32)
    sampled[:samples] = depth_m
    depth[::4, ::4] = sampled.reshape(20, 20).T
    return PosedFrame(frame_id, depth, np.zeros((80, 80, 3), np.uint8), CAMERA, CAMERA, np.eye(4))


@pytest.mark.parametrize(('percent', 'is_associated'), [(4, False), (6, True)])
def test_a_frame_needs_five_percent_of_its_samples_in_the_chunk(wall, percent, is_associated):
    views = FrameAssociation(wall, [frame_with(4 * percent)]).views((0, 0, 0), (60, 40, 40))
    assert bool(views) == is_associated
    if is_associated:
        assert views[0].count == 24 and views[0].fraction == pytest.approx(0.06)


def test_samples_outside_the_chunk_do_not_count(wall):
    association = FrameAssociation(wall, [frame_with(400)])
    assert association.views((0, 0, 0), (60, 40, 40))[0].count == 400
    assert association.views((0, 0, 0), (60, 40, 20))[0].count == pytest.approx(200, abs=20)
    assert association.views((0, 0, 0), (45, 40, 40)) == ()


@pytest.mark.parametrize(('depth_m', 'is_near'), [
    (1.0, True), (1.01, True), (0.99, True), (1.021, False), (0.979, False)])
def test_samples_count_within_a_voxel_of_a_surface_voxel(wall, depth_m, is_near):
    # Only the layer of voxels in the wall is less than a voxel from the surface.
    association = FrameAssociation(wall, [frame_with(400, depth_m=depth_m)])
    assert bool(association.views((0, 0, 0), (60, 40, 40))) == is_near


def test_the_five_frames_with_most_samples_come_first(wall):
    counts = [30, 200, 100, 50, 400, 300, 40]
    frames = [frame_with(count, str(count)) for count in counts]
    lost = PosedFrame('lost', frames[0].depth_m, frames[0].rgb, CAMERA, CAMERA,
                      np.full((4, 4), -np.inf))
    views = FrameAssociation(wall, [*frames, lost]).views((0, 0, 0), (60, 40, 40))
    assert [view.frame_id for view in views] == ['400', '300', '200', '100', '50']
