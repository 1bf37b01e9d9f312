from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import MessageError
from ssc_ros.geometry.transforms import make_rigid, quaternion_to_rotation
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.odometry import (
    decode_odometry,
    decode_transform,
    encode_odometry,
    encode_transform,
)

NUMBERS = st.floats(-100, 100)


@st.composite
def poses(draw):
    x, y, z = draw(st.tuples(*[st.floats(-1, 1)] * 3))
    return make_rigid(quaternion_to_rotation(x, y, z, 0.5), draw(st.tuples(*[NUMBERS] * 3)))


@pytest.mark.ros
@pytest.mark.parametrize(('encode', 'decode'), [
    (encode_odometry, decode_odometry), (encode_transform, decode_transform)])
@given(poses())
def test_poses_survive_the_way_there_and_back(encode, decode, T):
    pose = decode(encode(T, make_header(12_000_000_034, 'odom'), 'camera'))
    np.testing.assert_allclose(pose.T_parent_child, T, atol=1e-9)
    assert pose.stamp_ns == 12_000_000_034
    assert (pose.frame_id, pose.child_frame_id) == ('odom', 'camera')


def make_odometry(position=(0, 0, 0), orientation=(0, 0, 0, 1)):
    pose = SimpleNamespace(
        position=SimpleNamespace(**dict(zip('xyz', position, strict=True))),
        orientation=SimpleNamespace(**dict(zip('xyzw', orientation, strict=True))))
    header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id='odom')
    return SimpleNamespace(header=header, child_frame_id='base', pose=SimpleNamespace(pose=pose))


def test_quaternions_are_normalised():
    T = decode_odometry(make_odometry((1, 2, 3), (0, 0, 2, 2))).T_parent_child
    np.testing.assert_allclose(T[:3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


@pytest.mark.parametrize(('position', 'orientation', 'reason'), [
    ((0, 0, np.nan), (0, 0, 0, 1), 'expected finite metres'),
    ((np.inf, 0, 0), (0, 0, 0, 1), 'expected finite metres'),
    ((0, 0, 0), (0, 0, 0, 0), 'must be set'),
    ((0, 0, 0), (0, np.nan, 0, 1), 'must be set'),
])
def test_unset_or_broken_poses_are_refused(position, orientation, reason):
    with pytest.raises(MessageError, match=reason):
        decode_odometry(make_odometry(position, orientation))


def test_poses_beyond_any_map_are_refused_before_they_overflow():
    with pytest.raises(MessageError, match='check the odometry'):
        decode_odometry(make_odometry((1e155, 0, 0), (0, 0, 0, 1)))
