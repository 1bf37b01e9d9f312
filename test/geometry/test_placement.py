"""Tests of where the networks' boxes stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.placement import (
    PLACEMENT_RULES,
    kitti_placement,
    nyu_placement,
    place_rounded,
    rounded_level_pose,
    tartanair_placement,
)
from ssc_ros.geometry.transforms import (
    inverse_rigid,
    level_camera_pose,
    make_rigid,
    quaternion_to_rotation,
    transform_points,
)

# Optical to body axes (forward, right, down), TartanAir's camera convention.
BODY_FROM_OPTICAL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# North-east-down to a z-up world.
WORLD_FROM_NED = np.diag([1.0, -1.0, -1.0])


def test_the_nyu_box_is_centred_on_the_optical_axis_of_a_level_camera():
    box = nyu_placement(level_camera_pose(height_m=1.25))
    np.testing.assert_allclose(box.grid.origin_m, (-2.4, 1.0, -0.05), atol=1e-12)
    assert (box.grid.shape, box.grid.axis_order) == ((60, 36, 60), 'xzy')
    floor_ahead = transform_points(box.T_camera_voxel, [[0.0, 3.4, 0.0]])
    np.testing.assert_allclose(floor_ahead, [[0.0, 1.25, 3.4]], atol=1e-12)


def test_the_nyu_rule_finds_the_origins_of_the_real_benchmark(shared_data: Path):
    poses = np.load(shared_data / 'nyu' / 'camera_poses.npz')
    for rotation, position, origin in zip(
            poses['R'][::29], poses['t'][::29], poses['origin'][::29], strict=True):
        box = nyu_placement(make_rigid(rotation, position))
        # The benchmark keeps the room's heading, this box turns with the camera: compare where
        # the middle of the box lies for the camera.
        middle = np.asarray(box.grid.origin_m) + np.asarray(box.grid.extent_m) / 2
        expected = rotation.T @ (np.add(origin, [2.4, 2.4, 1.44]) - position)
        np.testing.assert_allclose(
            transform_points(box.T_camera_voxel, middle[None])[0], expected, atol=1e-6)


def test_the_kitti_ground_keeps_its_height_whatever_the_camera_height():
    for height in (0.3, 1.65):
        box = kitti_placement(level_camera_pose(height_m=height))
        below = transform_points(inverse_rigid(box.T_camera_voxel), [[0.0, height, 0.0]])
        np.testing.assert_allclose(below, [[0.29, 0.05, -1.73]], atol=1e-9)


def test_the_kitti_frame_has_x_forward_and_y_left():
    box = kitti_placement(level_camera_pose(height_m=1.65))
    T_voxel_camera = inverse_rigid(box.T_camera_voxel)
    np.testing.assert_allclose(T_voxel_camera[:3, 2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(T_voxel_camera[:3, 0], [0, -1, 0], atol=1e-12)


def test_the_tartanair_rotation_drops_the_yaw_of_the_pose():
    body = quaternion_to_rotation(-0.006320, 0.055495, 0.341189, 0.938334)
    T_world_camera = make_rigid(WORLD_FROM_NED @ body @ BODY_FROM_OPTICAL, [3.0, -2.0, 1.0])
    levelled = inverse_rigid(tartanair_placement(T_world_camera).T_camera_voxel)
    np.testing.assert_allclose(levelled[:3, :3], [
        [0.999658, -0.026162, 0.0],
        [0.026008, 0.993761, -0.108459],
        [0.002838, 0.108422, 0.994101]], atol=2e-6)
    np.testing.assert_allclose(levelled[:3, 3], 0.0, atol=1e-12)


@pytest.mark.parametrize('rule', sorted(PLACEMENT_RULES))
@given(heading=st.floats(-3.1, 3.1), x=st.floats(-50, 50), pitch=st.floats(-0.6, 0.6))
def test_the_box_turns_and_travels_with_the_camera(rule, heading, x, pitch):
    level = level_camera_pose(height_m=1.2, pitch_rad=pitch, roll_rad=0.05)
    turned = make_rigid(
        [[np.cos(heading), -np.sin(heading), 0], [np.sin(heading), np.cos(heading), 0], [0, 0, 1]],
        [x, -x, 0.0])
    here, there = PLACEMENT_RULES[rule](level), PLACEMENT_RULES[rule](turned @ level)
    np.testing.assert_allclose(here.T_camera_voxel, there.T_camera_voxel, atol=1e-9)
    np.testing.assert_allclose(here.grid.origin_m, there.grid.origin_m, atol=1e-9)


@given(st.floats(0.2, 2.5), st.floats(-0.6, 0.6), st.floats(-0.4, 0.4))
def test_rounding_a_pose_moves_it_by_half_a_step_at_most_and_is_stable(height, pitch, roll):
    pose = level_camera_pose(height_m=height, pitch_rad=pitch, roll_rad=roll)
    rounded = rounded_level_pose(pose)
    assert abs(rounded[2, 3] - height) <= 0.0005 + 1e-9
    cosine = (np.trace(rounded[:3, :3].T @ pose[:3, :3]) - 1) / 2
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) <= 0.05
    np.testing.assert_allclose(rounded_level_pose(rounded), rounded, atol=1e-12)


@pytest.mark.parametrize('rule', PLACEMENT_RULES)
@given(yaw=st.floats(-3.1, 3.1), x=st.floats(-50, 50))
def test_a_box_of_world_heading_keeps_the_directions_of_the_world(rule, yaw, x):
    level = level_camera_pose(height_m=1.2, pitch_rad=0.2, roll_rad=0.05)
    turn = make_rigid(
        [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]], [x, -x, 0.0])
    box = PLACEMENT_RULES[rule](turn @ level, 'world')
    T_world_voxel = turn @ level @ box.T_camera_voxel
    # Every axis of the box is an axis of the world.
    np.testing.assert_allclose(np.sort(np.abs(T_world_voxel[:3, :3]).ravel()),
                               [0] * 6 + [1] * 3, atol=1e-9)
    middle = np.asarray(box.grid.origin_m) + np.asarray(box.grid.extent_m) / 2
    middle_camera = box.T_camera_voxel[:3, :3] @ middle + box.T_camera_voxel[:3, 3]
    assert middle_camera[2] > 0 or rule == 'tartanair'


def test_a_rounded_box_of_world_heading_stays_near_the_exact_one():
    level = level_camera_pose(height_m=1.2, pitch_rad=0.2)
    yaw = 0.5
    turn = make_rigid(
        [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]], np.zeros(3))
    exact, rounded = nyu_placement(turn @ level, 'world'), place_rounded(
        'nyu', turn @ level, 'world')
    np.testing.assert_allclose(rounded.T_camera_voxel, exact.T_camera_voxel, atol=2e-3)
    np.testing.assert_allclose(rounded.grid.origin_m, exact.grid.origin_m, atol=5e-3)


def test_the_box_of_the_annotated_frame_follows_the_walls(shared_data):
    """NYU Depth v2, frame 0001: the world of its annotation is parallel to the room."""
    pytest.importorskip('torch')
    from training.datasets.nyu.raw import read_volume

    path = shared_data / 'nyu_raw' / 'depthbin' / 'NYUtest' / 'NYU0001_0000.bin'
    if not path.is_file():
        pytest.skip(f'no NYU frame at {path}')
    volume = read_volume(path)
    box = nyu_placement(volume.T_world_camera, 'world')
    np.testing.assert_allclose(box.grid.origin_m, volume.placement.grid.origin_m, atol=1e-3)
    np.testing.assert_allclose(
        box.T_camera_voxel, volume.placement.T_camera_voxel, atol=1e-6)
