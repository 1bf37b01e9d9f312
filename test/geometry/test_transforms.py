"""Tests of rigid transforms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.geometry.transforms import (
    inverse_rigid,
    level_camera_pose,
    make_rigid,
    quaternion_to_rotation,
    remove_yaw,
    rotation_to_quaternion,
    transform_points,
)

coordinates = st.floats(-100, 100)
quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)
angles = st.floats(-1.2, 1.2)


def yaw(angle: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return make_rigid([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], [x, y, 0.0])


@given(quaternions, st.tuples(coordinates, coordinates, coordinates))
def test_a_transform_and_its_inverse_cancel(quaternion, translation):
    transform = make_rigid(quaternion_to_rotation(*quaternion), translation)
    np.testing.assert_allclose(transform @ inverse_rigid(transform), np.eye(4), atol=1e-10)
    points = np.array([[1.0, 2.0, 3.0], [-4.0, 5.0, -6.0]])
    moved = transform_points(transform, points)
    np.testing.assert_allclose(
        transform_points(inverse_rigid(transform), moved), points, atol=1e-10)


@given(quaternions)
def test_quaternions_survive_the_round_trip_up_to_sign(quaternion):
    normed = np.array(quaternion) / np.linalg.norm(quaternion)
    back = np.array(rotation_to_quaternion(quaternion_to_rotation(*quaternion)))
    assert abs(normed @ back) == pytest.approx(1.0)


def test_quaternions_are_in_ros_order_x_y_z_w():
    quarter_turn = quaternion_to_rotation(0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))
    np.testing.assert_allclose(quarter_turn @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize('quaternion', [(0, 0, 0, 0), (float('nan'), 0, 0, 1)])
def test_an_unset_orientation_is_refused(quaternion):
    with pytest.raises(DataError, match='orientation'):
        quaternion_to_rotation(*quaternion)


def test_a_level_camera_looks_forward_with_its_image_upright():
    pose = level_camera_pose(height_m=1.4)
    ahead, right, down = transform_points(pose, [[0, 0, 2], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(ahead, [0, 2, 1.4], atol=1e-12)
    np.testing.assert_allclose(right, [1, 0, 1.4], atol=1e-12)
    np.testing.assert_allclose(down, [0, 0, 0.4], atol=1e-12)


def test_positive_pitch_looks_down_and_positive_roll_turns_clockwise():
    down = level_camera_pose(height_m=0.0, pitch_rad=0.3)[:3, 2]
    np.testing.assert_allclose(down, [0, np.cos(0.3), -np.sin(0.3)], atol=1e-12)
    right = level_camera_pose(height_m=0.0, roll_rad=0.3)[:3, 0]
    assert right[2] == pytest.approx(-np.sin(0.3))


@given(angles, angles, st.floats(-3.1, 3.1), coordinates, coordinates, st.floats(-1, 3))
def test_removing_the_yaw_finds_the_level_pose_back(pitch, roll, heading, x, y, height):
    level = level_camera_pose(height_m=height, pitch_rad=pitch, roll_rad=roll)
    np.testing.assert_allclose(remove_yaw(yaw(heading, x, y) @ level), level, atol=1e-9)


@pytest.mark.parametrize('pitch_rad', [np.pi / 2, -np.pi / 2])
def test_a_camera_that_looks_straight_down_or_up_has_no_heading(pitch_rad):
    with pytest.raises(DataError, match='heading'):
        remove_yaw(level_camera_pose(height_m=1.0, pitch_rad=pitch_rad))


def test_a_pose_that_is_not_finite_is_refused():
    pose = level_camera_pose(height_m=float('nan'))
    with pytest.raises(DataError, match='not finite'):
        remove_yaw(pose)
