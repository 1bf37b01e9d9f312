"""Pixels find the voxels of their points, and those their rays cross near them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.pixel_voxels import (
    NO_VOXEL,
    sampled_pixels,
    search_offsets_m,
    voxels_along_rays,
    voxels_of_pixels,
)
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import compute_tsdf

CAMERA = PinholeCamera(129.7, 129.7, 80.0, 60.0, 120, 160)
BOX = nyu_placement(level_camera_pose(height_m=1.3))
OFFSETS = search_offsets_m(0.16, 0.04)
HALF = (60, 80)


def wall(distance_m):
    return np.full(CAMERA.size, distance_m, np.float32)


def uneven(seed=0):
    depth_m = np.random.default_rng(seed).uniform(0.5, 6.0, CAMERA.size).astype(np.float32)
    depth_m[:20] = 0
    depth_m[20:30] = np.nan
    return depth_m


def cells(voxels):
    return np.stack(np.unravel_index(voxels[voxels != NO_VOXEL], BOX.grid.shape), axis=1)


def own_voxels(depth_m):
    return voxels_of_pixels(depth_m, CAMERA, BOX.grid, BOX.T_camera_voxel)


def ray_voxels(depth_m, offsets_m=OFFSETS, size=HALF):
    return voxels_along_rays(
        depth_m, own_voxels(depth_m), CAMERA, BOX.grid, BOX.T_camera_voxel, size=size,
        offsets_m=offsets_m)


def test_a_wall_ahead_fills_one_slab_of_the_last_axis():
    found = cells(own_voxels(wall(2.0)))
    assert len(found) > 5000 and len(np.unique(found[:, 2])) == 1
    assert len(np.unique(found[:, 0])) > 20


def test_a_camera_that_moves_sideways_moves_the_first_axis_alone():
    T_moved = BOX.T_camera_voxel.copy()
    T_moved[0, 3] -= 0.16
    depth_m = uneven()
    here = own_voxels(depth_m)
    there = voxels_of_pixels(depth_m, CAMERA, BOX.grid, T_moved)
    both = (here != NO_VOXEL) & (there != NO_VOXEL)
    shift = np.stack(np.unravel_index(there[both], BOX.grid.shape), 1) - np.stack(
        np.unravel_index(here[both], BOX.grid.shape), 1)
    # Two voxels; points on a boundary may round to the next one.
    assert (np.median(shift, axis=0) == [2, 0, 0]).all() and (shift[:, 1:] == 0).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_the_last_pixel_of_each_voxel_is_that_of_the_tsdf(seed):
    depth_m = uneven(seed)
    expected = compute_tsdf(
        depth_m, CAMERA, BOX.grid, BOX.T_camera_voxel).pixel_of_voxel
    flat = own_voxels(depth_m).ravel()
    pixels = np.flatnonzero(flat != NO_VOXEL)
    last = np.full(BOX.grid.num_voxels, flat.size)
    last[flat[pixels]] = pixels
    np.testing.assert_array_equal(last, expected)


def test_pixels_without_depth_or_outside_the_box_have_no_voxel():
    voxels = own_voxels(uneven())
    assert (voxels[:30] == NO_VOXEL).all() and (voxels[30:] != NO_VOXEL).any()
    assert (own_voxels(wall(7.0)) == NO_VOXEL).all()


def test_depth_of_another_size_is_refused():
    with pytest.raises(ConfigurationError, match='rescale the camera'):
        voxels_of_pixels(wall(2.0)[:50], CAMERA, BOX.grid, BOX.T_camera_voxel)


@given(st.tuples(*[st.integers(1, 700)] * 2), st.tuples(*[st.integers(1, 700)] * 2))
def test_sampled_pixels_lie_in_the_image_in_order(image_size, size):
    for axis, length, short in zip(sampled_pixels(image_size, size), image_size, size,
                                   strict=True):
        assert len(axis) == short
        assert axis.min() >= 0 and axis.max() < length and (np.diff(axis) >= 0).all()


class TestRays:
    def test_the_first_step_is_the_voxel_of_the_point(self):
        depth_m = uneven()
        rows, columns = sampled_pixels(CAMERA.size, HALF)
        np.testing.assert_array_equal(
            ray_voxels(depth_m)[0], own_voxels(depth_m)[np.ix_(rows, columns)])

    def test_steps_go_behind_the_surface_before_they_go_before_it(self):
        voxels = ray_voxels(wall(2.0))[:, 30, 40]
        depth_cell = np.unravel_index(voxels, BOX.grid.shape)[2]
        first = depth_cell[0]
        assert len(voxels) == 9
        # 0.16 m are two voxels.
        assert depth_cell[7] == first + 2 and depth_cell[8] == first - 2
        assert (depth_cell[1::2] >= first).all() and (depth_cell[2::2] <= first).all()

    def test_steps_have_their_length_along_the_ray(self):
        """At the side of the image a ray advances less in depth than along itself."""
        reach_m = 1.6
        voxels = ray_voxels(wall(2.0), (0.0, reach_m))[:, 30]
        columns = sampled_pixels(CAMERA.size, HALF)[1]
        for column in (12, 40):
            slope = (columns[column] - CAMERA.cx) / CAMERA.fx
            first, last = np.unravel_index(voxels[:, column], BOX.grid.shape)[2]
            assert abs(last - first - reach_m / np.hypot(1, slope) / 0.08) <= 1

    def test_pixels_without_a_voxel_have_none_along_their_ray(self):
        depth_m = uneven()
        voxels = ray_voxels(depth_m)
        assert (voxels[:, voxels[0] == NO_VOXEL] == NO_VOXEL).all()
