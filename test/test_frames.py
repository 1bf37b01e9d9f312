"""Tests of the values that cross rooms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space

CAMERA = PinholeCamera(20.0, 20.0, 15.5, 11.5, 24, 32)
PLACEMENT = nyu_placement(level_camera_pose(height_m=1.2))
IMAGE = np.zeros((24, 32, 3), np.uint8)


def estimate(**changes):
    shape = PLACEMENT.grid.shape
    values = {
        'labels': np.zeros(shape, np.uint8), 'confidence': np.ones(shape, np.float32),
        'observed': np.zeros(shape, bool), 'grid': PLACEMENT.grid,
        'T_camera_voxel': PLACEMENT.T_camera_voxel, 'camera': CAMERA,
        'label_space': load_label_space('nyu12')}
    return SceneEstimate(**values | changes)


def test_a_stereo_frame_gives_its_estimate_in_the_left_camera():
    frame = StereoFrame(IMAGE, IMAGE, StereoRig(CAMERA, CAMERA, 0.1), PLACEMENT)
    assert frame.camera is CAMERA


@pytest.mark.parametrize('wrong', [IMAGE[:-1], IMAGE[..., 0], IMAGE.astype(np.float32)])
def test_images_that_do_not_fit_the_calibration_are_refused_by_name(wrong):
    rig = StereoRig(CAMERA, CAMERA, 0.1)
    with pytest.raises(DataError, match=r'right image is .*expected uint8 RGB \(24, 32, 3\)'):
        StereoFrame(IMAGE, wrong, rig, PLACEMENT)
    with pytest.raises(DataError, match='left image'):
        StereoFrame(wrong, IMAGE, rig, PLACEMENT)


def test_unregistered_depth_is_refused():
    with pytest.raises(DataError, match='registered'):
        RgbdFrame(IMAGE, np.ones((12, 16), np.float32), CAMERA, PLACEMENT)


@pytest.mark.parametrize('name', ['labels', 'confidence', 'observed'])
def test_volumes_that_do_not_fit_the_grid_are_refused_by_name(name):
    with pytest.raises(DataError, match=f'{name} is .* but the grid is'):
        estimate(**{name: np.zeros((60, 60, 36), np.uint8)})


def test_confidence_that_does_not_fit_the_camera_is_refused():
    with pytest.raises(DataError, match=r'image_confidence is .* but the camera is \(24, 32\)'):
        estimate(image_confidence=np.ones((12, 16), np.float32))
    assert estimate().image_confidence is None


def test_values_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimate().stamp_ns = 5
