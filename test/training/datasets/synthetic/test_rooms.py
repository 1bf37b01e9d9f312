import cv2
import numpy as np
import pytest

from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.geometry.projection import unproject_depth
from ssc_ros.geometry.transforms import inverse_rigid, transform_points
from ssc_ros.labels import load_label_space
from training.datasets.synthetic.voxels import FREE, NOT_IN_VIEW, OCCLUDED, OUTSIDE, SURFACE

CLASSES = range(1, 12)


def surface_indices(room):
    """Voxel index of every pixel's surface point, and which pixels lie in the grid."""
    points = unproject_depth(room.depth_m, room.camera).reshape(-1, 3)
    placement = room.placement
    points = transform_points(inverse_rigid(placement.T_camera_voxel), points)
    return placement.grid.point_to_index(points)


def test_arrays_have_the_documented_types_and_shapes(rooms):
    for room in rooms:
        assert room.left.shape == room.right.shape == (240, 320, 3)
        assert room.left.dtype == room.image_labels.dtype == room.voxel_labels.dtype == np.uint8
        assert room.depth_m.dtype == np.float32
        assert room.voxel_labels.shape == room.occlusion.shape == (60, 36, 60)


def test_frames_are_ready_for_an_estimator(rooms):
    stereo, rgbd = rooms[0].stereo_frame(5), rooms[0].rgbd_frame(6)
    assert isinstance(stereo, StereoFrame)
    assert stereo.rig.baseline_m == 0.12
    assert isinstance(rgbd, RgbdFrame)
    assert (stereo.stamp_ns, rgbd.stamp_ns) == (5, 6)


def test_every_class_appears_within_a_few_rooms(rooms):
    voxels, pixels = set(), set()
    for room in rooms:
        voxels |= set(np.unique(room.voxel_labels).tolist())
        pixels |= set(np.unique(room.image_labels).tolist())
    names = load_label_space('nyu12').names
    assert not {names[label] for label in CLASSES if label not in voxels}
    # A camera that looks down at furniture rarely sees the ceiling.
    assert {names[label] for label in CLASSES if label not in pixels} <= {'ceiling'}


def test_every_pixel_sees_a_surface(rooms):
    for room in rooms:
        assert room.depth_m.min() > 0.1
        assert room.depth_m.max() < 9
        assert set(np.unique(room.image_labels).tolist()) <= set(CLASSES)


def test_pixels_fall_in_or_beside_a_voxel_of_their_class(rooms):
    for room in rooms:
        index, inside = surface_indices(room)
        label = room.image_labels.ravel()[inside]
        x, y, z = index[inside].T
        padded = np.pad(room.voxel_labels, 1, constant_values=255)
        agrees = np.zeros(len(label), bool)
        for dx, dy, dz in np.ndindex(3, 3, 3):
            agrees |= padded[x + dx, y + dy, z + dz] == label
        assert agrees.mean() > 0.95
        assert len(label) > 10_000


def test_voxel_labels_are_not_shifted(rooms):
    """Without tolerance most pixels lie in a voxel of their class; a shifted grid loses them."""
    for room in rooms:
        index, inside = surface_indices(room)
        index, label = index[inside], room.image_labels.ravel()[inside]
        exact = (room.voxel_labels[tuple(index.T)] == label).mean()
        moved = np.clip(index + np.array([2, 0, 2]), 0, 59)
        assert exact > 0.6
        assert exact > (room.voxel_labels[tuple(moved.T)] == label).mean() + 0.2


def test_occlusion_codes_partition_the_grid(rooms):
    for room in rooms:
        codes = room.occlusion
        assert set(np.unique(codes).tolist()) == {NOT_IN_VIEW, FREE, SURFACE, OCCLUDED, OUTSIDE}
        assert ((codes == OUTSIDE) == (room.voxel_labels == 255)).all()


def test_observed_free_space_is_empty_and_surfaces_are_occupied(rooms):
    for room in rooms:
        free = room.voxel_labels[room.occlusion == FREE]
        surface = room.voxel_labels[room.occlusion == SURFACE]
        assert (free == 0).mean() > 0.97
        assert (surface > 0).mean() > 0.85  # edges of less than 5 % of a voxel are voted empty


def test_hidden_space_holds_furniture_and_walls(rooms):
    hidden = np.concatenate([room.voxel_labels[room.occlusion == OCCLUDED] for room in rooms])
    assert (hidden > 0).mean() > 0.2
    assert len(np.unique(hidden)) > 6


def test_only_space_beyond_the_walls_is_ignored(rooms):
    """What is seen is inside; the wall closes the room before 255 begins."""
    for room in rooms:
        neighbours_outside = np.zeros(room.voxel_labels.shape, bool)
        outside = room.voxel_labels == 255
        for axis in range(3):
            for step in (-1, 1):
                neighbours_outside |= np.roll(outside, step, axis)
        interior = neighbours_outside[1:-1, 1:-1, 1:-1] & ~outside[1:-1, 1:-1, 1:-1]
        border = room.voxel_labels[1:-1, 1:-1, 1:-1][interior]
        structure = np.isin(border, (1, 2, 3, 4)).mean()
        assert structure > 0.9
        assert (room.voxel_labels[room.occlusion == SURFACE] != 255).all()


def test_pose_stands_on_the_steps_of_cached_tables(rooms):
    for room in rooms:
        height_mm = room.T_world_camera[2, 3] * 1000
        assert abs(height_mm - round(height_mm)) < 1e-6
        pitch = np.rad2deg(np.arcsin(-room.T_world_camera[2, 2]))
        assert abs(pitch * 20 - round(pitch * 20)) < 1e-6
        assert 1.2 <= room.T_world_camera[2, 3] <= 1.7


@pytest.mark.parametrize('index', [0, 3])
def test_a_stereo_matcher_recovers_the_depth(rooms, index):
    room = rooms[index]
    matcher = cv2.StereoSGBM_create(
        0, 64, 5, P1=600, P2=2400, disp12MaxDiff=1, uniquenessRatio=5, speckleWindowSize=100,
        speckleRange=2, mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY)
    disparity = matcher.compute(room.left, room.right)[:, 64:] / 16
    truth = (room.camera.fx * room.baseline_m / room.depth_m)[:, 64:]
    valid = disparity > 0
    assert valid.mean() > 0.7
    assert np.median(np.abs(disparity - truth)[valid]) < 0.7


def test_pictures_are_neither_dark_nor_burnt(rooms):
    for room in rooms:
        assert 60 < room.left.mean() < 200
        assert (room.left > 250).mean() < 0.3
        assert room.left.std() > 20
