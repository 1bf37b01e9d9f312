"""What a camera sees of a labelled grid."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.geometry.raycasting import SceneViewer, SceneViewerCache, VoxelRayCaster
from ssc_ros.geometry.transforms import level_camera_pose

CAMERA = PinholeCamera(60.0, 60.0, 39.5, 29.5, 60, 80)
BOX = nyu_placement(level_camera_pose(height_m=1.4, pitch_rad=0.2))
FLOOR, WALL = 2, 3


def room() -> np.ndarray:
    labels = np.zeros(BOX.grid.shape, np.uint8)
    labels[:, :, 50:52] = WALL
    labels[:, 0, :] = FLOOR
    return labels


def test_depth_of_the_floor_follows_the_camera_height() -> None:
    view = VoxelRayCaster(BOX.grid, BOX.T_camera_voxel, CAMERA).view(room())
    rows, columns = np.nonzero(view.image_labels == FLOOR)
    depth = view.depth_m[rows, columns]
    down = np.sin(0.2) + np.cos(0.2) * (rows - CAMERA.cy) / CAMERA.fy
    height_of_hit = 1.4 - depth * down
    assert len(rows) > 500
    # The top of the lowest voxel layer lies at 0.03 m; a step is half a voxel.
    assert np.abs(height_of_hit - 0.03).max() < BOX.grid.voxel_size_m


def test_nothing_behind_the_wall_is_visible() -> None:
    labels = room()
    view = VoxelRayCaster(BOX.grid, BOX.T_camera_voxel, CAMERA).view(labels)
    assert view.visible[:, 1:, 30:49].any()
    assert not view.visible[:, 5:, 53:].any()


def test_visible_voxels_lie_in_the_field_of_view() -> None:
    view = VoxelRayCaster(BOX.grid, BOX.T_camera_voxel, CAMERA).view(room())
    padded = CAMERA.cropped(top=-6, left=-6, height=72, width=92)
    in_view = project_voxels(BOX.grid, BOX.T_camera_voxel, padded).in_view
    assert not (view.visible.reshape(-1) & ~in_view).any()


def test_unlabelled_voxels_do_not_stop_a_ray() -> None:
    labels = np.full(BOX.grid.shape, 255, np.uint8)
    view = VoxelRayCaster(BOX.grid, BOX.T_camera_voxel, CAMERA).view(labels)
    assert (view.image_labels == 255).all()
    assert (view.depth_m == 0).all()


def test_measured_depth_opens_the_voxels_in_front_of_it() -> None:
    caster = VoxelRayCaster(BOX.grid, BOX.T_camera_voxel, CAMERA)
    view = caster.view(room())
    beyond_the_box = np.where(view.depth_m > 0, view.depth_m, np.float32(99.0))
    np.testing.assert_array_equal(caster.visible_up_to(beyond_the_box), view.visible)
    assert not caster.visible_up_to(np.zeros(CAMERA.size, np.float32)).any()


def test_a_grid_in_xyz_order_is_walked_alike() -> None:
    labels = room()
    grid = BOX.grid
    swapped = VoxelGrid(grid.origin_m, grid.voxel_size_m, (60, 60, 36), 'xyz')
    expected = VoxelRayCaster(grid, BOX.T_camera_voxel, CAMERA).view(labels)
    found = VoxelRayCaster(swapped, BOX.T_camera_voxel, CAMERA).view(labels.swapaxes(1, 2))
    np.testing.assert_array_equal(found.image_labels, expected.image_labels)
    np.testing.assert_array_equal(found.visible.swapaxes(1, 2), expected.visible)


def test_wrong_shape_names_both() -> None:
    with pytest.raises(ValueError, match=r'\(2, 2, 2\)'):
        VoxelRayCaster(BOX.grid, BOX.T_camera_voxel, CAMERA).view(np.zeros((2, 2, 2), np.uint8))


def test_the_viewer_answers_in_the_camera_size_and_is_kept() -> None:
    camera = CAMERA.resized(240, 320)
    cache = SceneViewerCache()
    viewer = cache.get(BOX, camera)
    assert viewer.view(room()).image_labels.shape == (240, 320)
    assert cache.get(BOX, camera) is viewer
    assert cache.get(BOX, CAMERA) is not viewer
    assert isinstance(viewer, SceneViewer)
