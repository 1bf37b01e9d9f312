"""Tests of pixels whose voxel is guessed from one pixel per voxel."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import compute_tsdf
from ssc_ros.models.imenet.lookup import voxel_of_pixel
from training.datasets.nyu.footprints import footprint_depth, voxel_footprints

CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
PLACEMENT = nyu_placement(level_camera_pose(height_m=1.3, pitch_rad=0.2))


@pytest.fixture(scope='module')
def depth_m() -> np.ndarray:
    """Return a slanted wall with a box before it."""
    columns = np.indices(CAMERA.size)[1]
    depth = (3.2 - 0.001 * columns).astype(np.float32)
    depth[200:420, 250:380] = 2.05
    depth[:, :15] = 0
    return depth


@pytest.fixture(scope='module')
def pixel_of_voxel(depth_m: np.ndarray) -> np.ndarray:
    return compute_tsdf(depth_m, CAMERA, PLACEMENT.grid, PLACEMENT.T_camera_voxel).pixel_of_voxel


@pytest.fixture(scope='module')
def guessed(pixel_of_voxel: np.ndarray) -> np.ndarray:
    return voxel_footprints(pixel_of_voxel, CAMERA, PLACEMENT)


def test_known_pixels_keep_their_voxels(pixel_of_voxel: np.ndarray, guessed: np.ndarray) -> None:
    voxels = np.flatnonzero(pixel_of_voxel != guessed.size)
    np.testing.assert_array_equal(guessed.ravel()[pixel_of_voxel[voxels]], voxels)
    # And stay the last of them.
    pixels = np.flatnonzero(guessed.ravel() >= 0)
    last = np.full(len(pixel_of_voxel), guessed.size)
    last[guessed.ravel()[pixels]] = pixels
    np.testing.assert_array_equal(last, pixel_of_voxel)


def test_most_pixels_find_their_voxel_or_one_beside_it(
    depth_m: np.ndarray, guessed: np.ndarray,
) -> None:
    true = voxel_of_pixel(depth_m, CAMERA, PLACEMENT)
    both = (true >= 0) & (guessed >= 0)
    assert both.sum() > 0.98 * (true >= 0).sum()
    far = np.abs(np.subtract(*(np.stack(np.unravel_index(voxels[both], PLACEMENT.grid.shape))
                               for voxels in (true, guessed)))).max(axis=0)
    assert (far == 0).mean() > 0.7 and (far <= 1).mean() > 0.95


def test_depth_follows_from_the_voxels(depth_m: np.ndarray, guessed: np.ndarray) -> None:
    implied = footprint_depth(guessed, CAMERA, PLACEMENT)
    known = (implied > 0) & (depth_m > 0)
    assert known.mean() > 0.75
    assert np.median(np.abs(implied - depth_m)[known]) < 0.04
    again = voxel_of_pixel(implied, CAMERA, PLACEMENT)
    assert (again == guessed)[implied > 0].mean() > 0.999


def test_without_visible_voxels_no_pixel_has_one() -> None:
    none = np.full(60 * 36 * 60, CAMERA.height * CAMERA.width)
    assert (voxel_footprints(none, CAMERA, PLACEMENT) == -1).all()
