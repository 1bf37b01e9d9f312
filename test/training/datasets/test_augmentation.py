"""Tests of image augmentation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from training.datasets.augmentation import disturb_images, jitter_frame

CAMERA = PinholeCamera(10, 10, 5.5, 3.5, 8, 12)
BOX = nyu_placement(level_camera_pose(height_m=1.4))
IMAGE = np.random.default_rng(0).integers(40, 120, (8, 12, 3)).astype(np.uint8)


@pytest.fixture
def pair() -> StereoFrame:
    return StereoFrame(IMAGE, IMAGE.copy(), StereoRig(CAMERA, CAMERA, 0.1), BOX)


def test_shared_jitter_changes_both_eyes_alike(pair: StereoFrame) -> None:
    changed = jitter_frame(pair, np.random.default_rng(1), 0.4, shared=True)
    assert not np.array_equal(changed.left, IMAGE)
    assert np.array_equal(changed.left, changed.right)


def test_separate_jitter_changes_each_eye_on_its_own(pair: StereoFrame) -> None:
    changed = jitter_frame(pair, np.random.default_rng(1), 0.4, shared=False)
    assert not np.array_equal(changed.left, changed.right)


def test_no_strength_changes_nothing(pair: StereoFrame) -> None:
    assert jitter_frame(pair, np.random.default_rng(1), 0.0, shared=True) is pair


def test_changes_stay_within_the_strength(pair: StereoFrame) -> None:
    gray = StereoFrame(
        np.full_like(IMAGE, 100), np.full_like(IMAGE, 100), pair.rig, pair.placement)
    means = [jitter_frame(gray, np.random.default_rng(seed), 0.4, shared=True).left.mean()
             for seed in range(200)]
    # On a gray image contrast and saturation do nothing: brightness alone is left.
    assert 60 <= min(means) < 70
    assert 130 < max(means) <= 140


def test_depth_of_an_rgbd_frame_is_left_alone() -> None:
    frame = RgbdFrame(IMAGE, np.ones((8, 12), np.float32), CAMERA, BOX)
    changed = jitter_frame(frame, np.random.default_rng(1), 0.4, shared=True)
    assert changed.depth_m is frame.depth_m
    assert not np.array_equal(changed.rgb, IMAGE)


def disturbances(shared: bool) -> list[torch.Tensor]:
    images = torch.rand(1, 3, 60, 80).add(0.5).repeat(2, 1, 1, 1)
    return [disturb_images(images, seed, shared=shared) for seed in range(200)]


def test_strong_augmentation_treats_both_eyes_alike_or_each_on_its_own() -> None:
    assert all(torch.equal(left, right) for left, right in disturbances(shared=True))
    assert not all(torch.equal(left, right) for left, right in disturbances(shared=False))


def test_erased_rectangles_have_the_published_frequency_and_area() -> None:
    areas = [float((view == 0).all(dim=0).float().mean()) for view, _ in disturbances(True)]
    erased = [area for area in areas if area]
    assert 0.08 < len(erased) / 200 < 0.24
    assert all(0.008 < area < 0.022 for area in erased)


def test_many_images_stay_as_they_are() -> None:
    images = torch.rand(2, 3, 60, 80)
    same = [torch.equal(disturb_images(images, seed, shared=True), images) for seed in range(200)]
    assert 0.4 < np.mean(same) < 0.75
