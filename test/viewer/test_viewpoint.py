from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import load_label_space
from ssc_ros.viewer.viewpoint import Heading, camera_heading, cut_away, overview

UPRIGHT = Heading(up=np.array([0.0, 0.0, 1.0]), forward=np.array([0.0, 1.0, 0.0]))
NYU = load_label_space('nyu12')
CEILING, FLOOR, WALL, BED = (NYU.names.index(name) for name in ('ceiling', 'floor', 'wall', 'bed'))


@given(
    st.floats(-90, 90), st.floats(5, 85), st.floats(0.4, 3.0), st.floats(15, 90),
    st.tuples(*[st.integers(1, 12)] * 3))
def test_everything_shown_lies_in_the_picture_and_touches_its_border(
        azimuth, elevation, aspect, field_of_view, shape):
    grid = VoxelGrid((-3.0, 1.0, -0.5), 0.25, shape)
    view = overview(grid, UPRIGHT, np.ones(shape, bool), aspect=aspect, azimuth_deg=azimuth,
                    elevation_deg=elevation, field_of_view_deg=field_of_view)
    corners = np.indices((2, 2, 2)).reshape(3, -1).T * grid.extent_m + np.array(grid.origin_m)
    right, down, forward = ((corners - view.eye) @ view.axes.T).T
    across = np.abs(right / forward / view.tan_half_width)
    along = np.abs(down / forward / (view.tan_half_width / aspect))
    assert (forward > 0).all()
    assert max(across.max(), along.max()) == pytest.approx(0.97, abs=1e-6)


def test_the_axes_of_a_view_are_those_of_an_optical_frame():
    view = overview(VoxelGrid((0, 0, 0), 1.0, (4, 4, 4)), UPRIGHT, np.ones((4, 4, 4), bool),
                    aspect=1.0)
    assert np.allclose(view.axes @ view.axes.T, np.eye(3))
    assert np.linalg.det(view.axes) == pytest.approx(1)
    assert view.axes[1] @ UPRIGHT.up < 0


def test_rays_go_through_the_pixel_centres_row_by_row():
    view = overview(VoxelGrid((0, 0, 0), 1.0, (4, 4, 4)), UPRIGHT, np.ones((4, 4, 4), bool),
                    aspect=1.5)
    rays = view.rays(2, 3) @ view.axes.T
    assert np.allclose(rays[:, 2], 1)
    assert np.allclose(rays[:, 0] / view.tan_half_width, [-2 / 3, 0, 2 / 3] * 2, atol=1e-6)
    assert np.allclose(rays[:, 1] / view.tan_half_width, np.repeat([-1 / 3, 1 / 3], 3), atol=1e-6)


def test_up_and_forward_are_read_from_the_camera_pose(make_estimate):
    heading = camera_heading(make_estimate())
    assert np.allclose(heading.up, [0, 0, 1])
    assert np.allclose(heading.forward, [0, 1, 0])
    assert np.allclose(heading.right, [1, 0, 0])


@pytest.fixture
def room() -> np.ndarray:
    """Return (x, y, z) labels of a room with four walls, 3 m wide at 0.1 m."""
    labels = np.zeros((30, 30, 12), np.uint8)
    labels[2:28, 2:28, 0] = FLOOR
    labels[:2], labels[28:], labels[:, :2], labels[:, 28:] = (WALL,) * 4
    labels[:, :, 11] = CEILING
    labels[10:20, 10:20, 1:4] = BED
    return labels


@pytest.mark.parametrize('order', ['xyz', 'xzy'])
def test_ceiling_and_near_walls_are_cut_and_far_ones_stay(room, order):
    volume = room if order == 'xyz' else room.transpose(0, 2, 1)
    grid = VoxelGrid((0.0, 0.0, 0.0), 0.1, volume.shape, order)
    view_forward = np.array([-0.4, 0.8, -0.6])
    is_cut = cut_away(volume, grid, NYU, UPRIGHT, view_forward)
    is_cut = is_cut if order == 'xyz' else is_cut.transpose(0, 2, 1)
    assert is_cut[:, :, 11].all()
    middle = slice(8, 22)
    assert is_cut[middle, 0, 5].all(), 'the wall before the room'
    assert is_cut[29, middle, 5].all(), 'the wall on the side of the viewer'
    assert not is_cut[middle, 29, 5].any(), 'the wall behind the room'
    assert not is_cut[0, middle, 5].any(), 'the wall on the other side'
    assert not is_cut[room == BED].any()
    assert not is_cut[room == FLOOR].any()


def test_a_street_loses_nothing():
    kitti = load_label_space('semantic_kitti20')
    labels = np.random.default_rng(0).integers(0, 20, (16, 16, 8)).astype(np.uint8)
    grid = VoxelGrid((0.0, 0.0, 0.0), 0.2, labels.shape)
    assert not cut_away(labels, grid, kitti, UPRIGHT, np.array([0.0, 0.8, -0.6])).any()
