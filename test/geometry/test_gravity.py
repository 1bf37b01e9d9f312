from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.gravity import DepthView, level_pose_from_depth
from ssc_ros.geometry.transforms import level_camera_pose

CAMERA = PinholeCamera(260.0, 260.0, 159.5, 119.5, 240, 320)


def room_depth(pose, camera=CAMERA, walls=((0, 3.0), (1, 3.5), (0, -1.5))):
    """Return the depth of a floor and vertical walls at (axis, place) of the level frame."""
    v, u = np.mgrid[:camera.height, :camera.width]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)])
    rays = np.tensordot(pose[:3, :3], rays, 1)
    depth = np.full(u.shape, np.inf)
    for axis, place in ((2, 0.0), *walls):
        with np.errstate(divide='ignore', invalid='ignore'):
            distance = (place - pose[axis, 3]) / rays[axis]
        depth = np.where((distance > 0) & (distance < depth), distance, depth)
    return np.where(depth < 10, depth, 0).astype(np.float32)


def angle_between_deg(first, second):
    return np.degrees(np.arccos(np.clip(first[2, :3] @ second[2, :3], -1, 1)))


@settings(max_examples=20)
@given(height=st.floats(0.3, 1.9), pitch=st.floats(0.1, 0.6), roll=st.floats(-0.3, 0.3))
def test_a_room_shows_height_pitch_and_roll_of_the_camera(height, pitch, roll):
    pose = level_camera_pose(height_m=height, pitch_rad=pitch, roll_rad=roll)
    found = level_pose_from_depth(DepthView(room_depth(pose), CAMERA))
    assert angle_between_deg(found, pose) < 0.5
    assert found[2, 3] == pytest.approx(height, abs=0.05)


def test_noise_and_missing_pixels_cost_little():
    pose = level_camera_pose(height_m=1.2, pitch_rad=0.3, roll_rad=-0.05)
    random = np.random.default_rng(0)
    depth = room_depth(pose)
    depth += random.normal(0, 0.002, depth.shape).astype(np.float32) * depth**2
    depth[random.random(depth.shape) < 0.1] = 0
    found = level_pose_from_depth(DepthView(depth, CAMERA))
    assert angle_between_deg(found, pose) < 2
    assert found[2, 3] == pytest.approx(1.2, abs=0.1)


def test_a_blind_image_is_refused_with_the_remedy():
    with pytest.raises(DataError, match=r'set pose\.source to parameters, odometry or tf'):
        level_pose_from_depth(DepthView(np.zeros(CAMERA.size, np.float32), CAMERA))


def test_unregistered_depth_is_refused():
    with pytest.raises(DataError, match='registered'):
        level_pose_from_depth(DepthView(np.ones((10, 10), np.float32), CAMERA))


def test_the_real_frame_shows_the_pose_of_its_annotation(shared_data):
    """NYU Depth v2, frame 0001."""
    pytest.importorskip('torch')
    from training.datasets.nyu.raw import read_depth, read_volume

    raw = shared_data / 'nyu_raw' / 'depthbin' / 'NYUtest'
    if not raw.is_dir():
        pytest.skip(f'no NYU frame at {raw}')
    camera = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
    pose = read_volume(raw / 'NYU0001_0000.bin').T_world_camera
    found = level_pose_from_depth(DepthView(read_depth(raw / 'NYU0001_0000.png'), camera))
    assert angle_between_deg(found, pose) < 1
    assert found[2, 3] == pytest.approx(pose[2, 3], abs=0.03)
