"""A random scene for the message tests."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space


@pytest.fixture(scope='session')
def estimate():
    """Return a scene seen by a pitched camera, every label, unlabelled voxels and pixels too."""
    random = np.random.default_rng(0)
    placement = nyu_placement(level_camera_pose(height_m=1.4, pitch_rad=0.3, roll_rad=0.1))
    shape, size = placement.grid.shape, (12, 16)
    labels = random.choice([0] * 20 + [*range(1, 12), 255], shape).astype(np.uint8)
    return SceneEstimate(
        labels=labels, confidence=random.random(shape, np.float32),
        observed=random.random(shape) < 0.3, grid=placement.grid,
        T_camera_voxel=placement.T_camera_voxel,
        camera=PinholeCamera(15.0, 15.0, 7.5, 5.5, *size), label_space=load_label_space('nyu12'),
        image_labels=random.integers(0, 12, size, dtype=np.uint8),
        depth_m=np.where(random.random(size) < 0.2, 0, random.random(size) * 4 + 1).astype('f4'),
        is_depth_measured=True, stamp_ns=12_345_678_901, frame_id='camera')
