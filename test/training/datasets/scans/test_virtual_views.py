"""Virtual views see enough, from places no frame was taken from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.fusion.volume_grid import VolumeGrid
from training.datasets.scans.preview import preview_of
from training.datasets.scans.virtual_views import (
    KINDS,
    WIDE_CAMERA,
    Preview,
    VirtualViewOptions,
    VirtualViewSampler,
    chunk_surface,
    look_along,
)

FLOOR, BOX, BACK = 3, 4, 9
SHAPE = (64, 64, 64)
VOXEL_M = 0.04


def room_chunk():
    """Return 2.5 m of a room: floor, back wall, and a box on the floor, as distances."""
    grid = VolumeGrid(SHAPE, VOXEL_M, np.diag([1 / VOXEL_M] * 3 + [1.0]))
    z, y, x = np.indices(SHAPE, np.float32)
    floor, wall = z - 3, 60 - y
    half = np.array([10, 9, 12])
    outside = np.abs(np.stack([x - 32, y - 36, z - 15], -1)) - half
    box = np.linalg.norm(np.maximum(outside, 0), axis=-1) + np.minimum(outside.max(-1), 0)
    distances = np.stack([floor, wall, box])
    labels = np.array([FLOOR, BACK, BOX], np.uint8)[np.abs(distances).argmin(axis=0)]
    return np.clip(distances.min(axis=0), -3, 3).astype(np.float32), labels, grid


@pytest.fixture(scope='module')
def chunk():
    return room_chunk()


@pytest.fixture(scope='module')
def real_poses():
    return [look_along(np.array([1.2, 0.2, 1.3]), np.array([0.0, 1.0, -0.5]), 0.0)]


def test_the_wide_camera_sees_90_by_77_degrees():
    width, height = (2 * np.rad2deg(np.arctan(size / 2 / 160)) for size in (320, 256))
    assert (width, height) == pytest.approx((90.0, 77.3), abs=0.05)
    assert (WIDE_CAMERA.fx, WIDE_CAMERA.size) == (160, (256, 320))


def test_a_thousand_views_are_mostly_accepted_and_see_enough(chunk, real_poses):
    tsdf, labels, grid = chunk
    surface = chunk_surface(tsdf, labels, grid)
    sampler = VirtualViewSampler((FLOOR, BACK))
    look, rng = preview_of(tsdf, grid, size=(8, 10)), np.random.default_rng(0)
    views = [sampler.sample(surface, real_poses, look, rng) for _ in range(1000)]
    found = [view for view in views if view is not None]
    assert len(found) >= 800
    assert np.mean([view.preview.hit_share for view in found]) >= 0.25
    assert min(view.preview.median_depth_m for view in found) >= 0.5
    assert all(sum(view.kind == kind for view in found) > 50 for kind in KINDS)


def test_normals_point_out_of_the_matter(chunk):
    surface = chunk_surface(*chunk)
    on_floor = (surface.labels == FLOOR) & (surface.points_world[:, 1] < 0.3)
    np.testing.assert_allclose(surface.normals[on_floor].mean(axis=0), [0, 0, 1], atol=0.02)
    assert surface.floor_m == pytest.approx(3 * VOXEL_M)


def test_objects_are_looked_at_more_often_than_structure(chunk):
    tsdf, labels, grid = chunk
    surface = chunk_surface(tsdf, labels, grid)
    sampler = VirtualViewSampler((FLOOR, BACK), VirtualViewOptions(
        shares=(1, 0, 0), object_jitter_m=0, max_roll_deg=0))
    rng, targets = np.random.default_rng(1), []
    for _ in range(200):
        pose = sampler.sample(surface, [], lambda _: Preview(1, 1, 0), rng).T_world_camera
        offset = surface.points_world - pose[:3, 3]
        across = np.linalg.norm(np.cross(offset, pose[:3, 2]), axis=1)
        targets.append(surface.labels[np.where(offset @ pose[:3, 2] > 0, across, 9).argmin()])
    share = np.mean(np.array(targets) == BOX)
    assert share > 1.5 * np.mean(surface.labels == BOX)


def test_a_glance_measures_depth_and_rejects_back_faces(chunk):
    tsdf, _, grid = chunk
    look = preview_of(tsdf, grid)
    above = look(look_along(np.array([1.28, 0.2, 1.12]), np.array([0.0, 1e-3, -1.0]), 0.0))
    assert above.hit_share > 0.3
    assert above.median_depth_m == pytest.approx(1.0, abs=0.05)
    assert above.back_share == 0
    below = look(look_along(np.array([1.28, 0.6, -0.5]), np.array([0.0, 1e-3, 1.0]), 0.0))
    assert below.back_share > 0.2
    assert not VirtualViewSampler(()).accepts(below)
    away = look(look_along(np.array([1.28, 0.2, 1.12]), np.array([0.0, -1.0, 0.0]), 0.0))
    assert away.hit_share == 0
    assert not VirtualViewSampler(()).accepts(away)


def test_nothing_acceptable_gives_no_view_after_ten_tries(chunk):
    tries = []
    look = lambda pose: tries.append(pose) or Preview(0.0, float('nan'), 0.0)  # noqa: E731
    sampler = VirtualViewSampler(())
    assert sampler.sample(chunk_surface(*chunk), [], look, np.random.default_rng(0)) is None
    assert len(tries) == 10


def test_a_pulled_back_view_keeps_its_direction(chunk, real_poses):
    sampler = VirtualViewSampler((), VirtualViewOptions(shares=(0, 1, 0)))
    view = sampler.sample(chunk_surface(*chunk), real_poses, lambda _: Preview(1, 1, 0),
                          np.random.default_rng(0))
    np.testing.assert_allclose(view.T_world_camera[:3, :3], real_poses[0][:3, :3])
    moved = real_poses[0][:3, 3] - view.T_world_camera[:3, 3]
    assert 0.5 <= moved @ real_poses[0][:3, 2] <= 1.5


def test_an_empty_chunk_is_refused():
    with pytest.raises(DataError, match='nothing to see'):
        chunk_surface(np.full((4, 4, 4), 3, np.float32), np.zeros((4, 4, 4), np.uint8),
                      VolumeGrid((4, 4, 4), 0.02, np.diag([50.0, 50, 50, 1])))


@given(yaw=st.floats(-3.1, 3.1), pitch=st.floats(-1.4, 1.4), roll=st.floats(-0.5, 0.5))
def test_views_are_right_handed_and_look_where_they_should(yaw, pitch, roll):
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    pose = look_along(np.zeros(3), forward, roll)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(pose[:3, 2], forward, atol=1e-12)
    # Without roll the image's down points downwards in the world.
    assert look_along(np.zeros(3), forward, 0.0)[2, 1] < 0
