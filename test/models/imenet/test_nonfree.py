"""Tests of which voxels can hold anything."""

from __future__ import annotations

import numpy as np

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import SSCNET_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.models.imenet.nonfree import nonfree_voxels

CAMERA = PinholeCamera(130.0, 130.0, 80.0, 60.0, 120, 160)
PLACEMENT = nyu_placement(level_camera_pose(height_m=1.2))


def test_surface_and_what_lies_behind_it_are_not_free() -> None:
    # Just behind the middle of the 13th voxel: the box begins 1 m ahead.
    depth_m = np.full(CAMERA.size, 1.0 + 12.6 * 0.08, np.float32)
    average = compute_tsdf(depth_m, CAMERA, PLACEMENT.grid, PLACEMENT.T_camera_voxel)
    fine = compute_tsdf(
        depth_m, CAMERA, subdivided(PLACEMENT.grid, 4), PLACEMENT.T_camera_voxel, subdivision=1,
        settings=SSCNET_TSDF)
    coarse, exact = (nonfree_voxels(
        tsdf, average.pixel_of_voxel, subdivision=subdivision, no_pixel=depth_m.size)
        for tsdf, subdivision in ((average.values, 1), (fine.values, 4)))
    assert exact[30, 15, 12:].all() and not exact[30, 15, :12].any()
    assert not (coarse & ~exact).any()
    assert (coarse == exact).mean() > 0.99
