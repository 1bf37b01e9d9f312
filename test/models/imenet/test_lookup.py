"""Tests of which voxels pixels show."""

from __future__ import annotations

import numpy as np

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import SSCNET_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.models.imenet.lookup import (
    ray_voxels,
    voxel_of_pixel,
    working_pixels,
)
from ssc_ros.models.rgbd_frames import nonfree_voxels

CAMERA = PinholeCamera(130.0, 130.0, 80.0, 60.0, 120, 160)
PLACEMENT = nyu_placement(level_camera_pose(height_m=1.2))
# A wall just behind the middle of a slab of voxels: 1 m lies before the box.
WALL_M = 1.0 + 12.6 * 0.08


def wall() -> np.ndarray:
    depth_m = np.full(CAMERA.size, WALL_M, np.float32)
    depth_m[:, :10] = 0
    return depth_m


def test_a_wall_across_the_view_fills_one_slab_of_depth() -> None:
    voxels = voxel_of_pixel(wall(), CAMERA, PLACEMENT)
    assert (voxels[:, :10] == -1).all()
    depth = voxels[voxels >= 0] % 60
    assert set(depth.tolist()) == {12}


def test_the_last_pixel_of_each_voxel_is_that_of_the_tsdf() -> None:
    depth_m = np.random.default_rng(0).uniform(0.5, 6.0, CAMERA.size).astype(np.float32)
    depth_m[:20], depth_m[20:30] = 0, np.nan
    flat = voxel_of_pixel(depth_m, CAMERA, PLACEMENT).ravel()
    pixels = np.flatnonzero(flat >= 0)
    last = np.full(PLACEMENT.grid.num_voxels, flat.size)
    last[flat[pixels]] = pixels
    volume = compute_tsdf(depth_m, CAMERA, PLACEMENT.grid, PLACEMENT.T_camera_voxel)
    np.testing.assert_array_equal(last, volume.pixel_of_voxel)


def test_a_camera_further_right_sees_the_same_wall_further_left() -> None:
    moved = PinholeCamera(130.0, 130.0, 80.0 + 130 * 0.16 / WALL_M, 60.0, 120, 160)
    before, after = (np.unravel_index(voxel_of_pixel(wall(), camera, PLACEMENT)[60, 60:100],
                                      (60, 36, 60)) for camera in (CAMERA, moved))
    assert set((before[0] - after[0]).tolist()) == {2}
    np.testing.assert_array_equal(before[1:], after[1:])


def test_working_pixels_are_the_middles_of_their_shares() -> None:
    rows, columns = working_pixels((480, 640), (288, 384))
    assert rows[[0, 1, -1]].tolist() == [0, 2, 479]
    assert (len(columns), columns[-1]) == (384, 639)


def test_rays_begin_with_the_point_and_step_behind_it_first() -> None:
    voxels = ray_voxels(wall(), CAMERA, PLACEMENT, work_size=(60, 80), steps=9)
    rows, columns = working_pixels(CAMERA.size, (60, 80))
    own = voxel_of_pixel(wall(), CAMERA, PLACEMENT)[np.ix_(rows, columns)]
    np.testing.assert_array_equal(voxels[0], own)
    middle = voxels[:, 30, 40] % 60
    assert middle.tolist() == [12, 13, 12, 13, 11, 14, 11, 14, 10]


def test_surface_and_what_lies_behind_it_are_not_free() -> None:
    average = compute_tsdf(wall(), CAMERA, PLACEMENT.grid, PLACEMENT.T_camera_voxel)
    fine = compute_tsdf(
        wall(), CAMERA, subdivided(PLACEMENT.grid, 4), PLACEMENT.T_camera_voxel, subdivision=1,
        settings=SSCNET_TSDF)
    coarse, exact = (nonfree_voxels(
        tsdf, average.pixel_of_voxel, subdivision=subdivision, no_pixel=CAMERA.height * 160)
        for tsdf, subdivision in ((average.values, 1), (fine.values, 4)))
    assert exact[30, 15, 12:].all() and not exact[30, 15, :12].any()
    assert (coarse & ~exact).sum() == 0
    assert (coarse == exact).mean() > 0.99
