"""Tests of the projection of voxels into images, against the published KITTI geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.projection import (
    project_points,
    project_voxels,
    unproject_depth,
    voxel_centers_camera,
)
from ssc_ros.geometry.transforms import level_camera_pose, transform_points

CAMERA = PinholeCamera(718.856, 718.856, 607.1928, 185.2157, 370, 1220)
FULL_GRID = VoxelGrid((0.0, -25.6, -2.0), 0.2, (256, 256, 32))
FEATURE_GRID = FULL_GRID.coarsened(2)

# A calib.txt in the layout of KITTI odometry.
P2 = (718.856, 0, 607.1928, 45.38225, 0, 718.856, 185.2157, -0.1130887, 0, 0, 1, 0.003779761)
P3 = (718.856, 0, 607.1928, -337.2877, 0, 718.856, 185.2157, 2.369057, 0, 0, 1, 0.004915215)
TR = (
    4.276802385584e-04, -9.999672484946e-01, -8.084491683471e-03, -1.198459927713e-02,
    -7.210626507497e-03, 8.081198471645e-03, -9.999413164504e-01, -5.403984729748e-02,
    9.999738645903e-01, 4.859485810390e-04, -7.206933692422e-03, -2.921968648686e-01)

# voxel; centre; left u, v, depth; right u, v, depth; in view of (left, right)
GOLDEN = [
    ((10, 64, 4), (4.2, 0.2, -0.2), (580, 207, 3.9130), (482, 207, 3.9141), True),
    ((25, 64, 4), (10.2, 0.2, -0.2), (597, 191, 9.9129), (558, 191, 9.9140), True),
    ((50, 40, 3), (20.2, -9.4, -0.6), (949, 197, 19.9108), (930, 197, 19.9119), True),
    ((100, 64, 6), (40.2, 0.2, 0.6), (605, 168, 39.9063), (595, 168, 39.9074), True),
    ((127, 127, 15), (51.0, 25.4, 4.2), (248, 123, 50.6923), (240, 123, 50.6935), True),
    ((20, 64, 15), (8.2, 0.2, 4.2), (591, -208, 7.8812), (542, -208, 7.8823), False),
    ((5, 64, 4), (2.2, 0.2, -0.2), (551, 234, 1.9131), (351, 235, 1.9142), True),
    ((12, 80, 4), (5.0, 6.6, -0.2), (-391, 210, 4.7161), (-472, 210, 4.7172), False),
]


def extrinsics(projection: tuple[float, ...]) -> np.ndarray:
    """T_camera_lidar with the camera offset that the fourth column of P holds."""
    lidar = np.vstack([np.reshape(TR, (3, 4)), [0, 0, 0, 1]])
    camera = np.linalg.inv(CAMERA.matrix) @ np.reshape(projection, (3, 4)) @ lidar
    return np.vstack([camera, [0, 0, 0, 1]])


@pytest.fixture(scope='module')
def feature_tables():
    return [project_voxels(FEATURE_GRID, extrinsics(p), CAMERA) for p in (P2, P3)]


@pytest.mark.parametrize(('voxel', 'center', 'left', 'right', 'is_in_view'), GOLDEN)
def test_published_voxels_fall_on_their_pixels(
        feature_tables, voxel, center, left, right, is_in_view):
    index = np.ravel_multi_index(voxel, FEATURE_GRID.shape)
    np.testing.assert_allclose(FEATURE_GRID.centers()[index], center, atol=1e-9)
    for table, expected in zip(feature_tables, (left, right), strict=True):
        assert tuple(table.pixels[index]) == expected[:2]
        assert table.depth_m[index] == pytest.approx(expected[2], abs=6e-5)
        assert table.in_view[index] == is_in_view


def test_published_counts_of_feature_voxels_in_view(feature_tables):
    left, right = (table.in_view for table in feature_tables)
    assert (left.sum(), right.sum()) == (176_742, 176_691)
    assert ((left & right).sum(), (left | right).sum()) == (175_500, 177_933)


def test_published_counts_of_full_resolution_voxels_in_view():
    left, right = (
        project_voxels(FULL_GRID, extrinsics(p), CAMERA).in_view for p in (P2, P3))
    assert (left.sum(), right.sum()) == (1_413_743, 1_413_468)
    assert ((left & right).sum(), (left | right).sum()) == (1_403_782, 1_423_429)


def test_camera_centres_lie_where_the_lidar_frame_has_them():
    for projection, expected in (
            (P2, (0.2880, 0.0485, -0.0569)), (P3, (0.2871, -0.4848, -0.0580))):
        center = np.linalg.inv(extrinsics(projection))[:3, 3]
        np.testing.assert_allclose(center, expected, atol=1e-4)


@given(
    st.tuples(*[st.floats(-5, 5)] * 3), st.tuples(*[st.integers(1, 6)] * 3),
    st.sampled_from(['xyz', 'xzy']), st.floats(-0.5, 0.5))
def test_centres_by_outer_sums_equal_centres_by_matrix_product(origin, shape, order, pitch):
    grid = VoxelGrid(origin, 0.3, shape, order)
    transform = level_camera_pose(height_m=1.0, pitch_rad=pitch)
    np.testing.assert_allclose(
        voxel_centers_camera(grid, transform).T, transform_points(transform, grid.centers()),
        atol=1e-12)


def test_points_behind_or_in_the_camera_plane_are_never_in_view():
    table = project_points([[0, 0, -2], [0, 0, 0], [1, 0, 0], [np.nan, 0, 1]], CAMERA)
    assert not table.in_view.any()


def test_the_image_ends_half_a_pixel_beyond_its_border_pixels():
    camera = PinholeCamera(100, 100, 0.0, 0.0, 10, 10)
    table = project_points([[-0.0049, 0, 1], [-0.0051, 0, 1], [0.0949, 0, 1], [0.0951, 0, 1]],
                           camera)
    assert table.in_view.tolist() == [True, False, True, False]


def test_the_nyu_box_of_a_level_camera_is_mostly_in_view():
    box = nyu_placement(level_camera_pose(height_m=1.4))
    camera = PinholeCamera(518.9, 518.9, 319.5, 239.5, 480, 640)
    share = project_voxels(box.grid, box.T_camera_voxel, camera).in_view.mean()
    assert 0.6 < share < 0.8


@given(st.integers(0, 15), st.integers(0, 11), st.floats(0.2, 50))
def test_unprojected_depth_projects_back_onto_its_pixel(column, row, depth):
    camera = PinholeCamera(14.0, 15.0, 7.2, 5.9, 12, 16)
    depth_m = np.zeros((12, 16), np.float32)
    depth_m[row, column] = depth
    points = unproject_depth(depth_m, camera)
    assert np.isfinite(points).all(axis=2).sum() == 1
    table = project_points(points[row, column][None], camera)
    assert table.pixels.tolist() == [[column, row]]
    assert table.depth_m[0] == pytest.approx(depth, rel=1e-6)


def test_missing_depth_becomes_not_a_number_and_the_image_keeps_its_shape():
    camera = PinholeCamera(10, 10, 1, 1, 2, 2)
    points = unproject_depth(np.array([[0, np.inf], [np.nan, 2]], np.float32), camera)
    assert points.shape == (2, 2, 3)
    assert np.isnan(points[:, :, 2]).tolist() == [[True, True], [True, False]]


def test_depth_of_another_size_says_how_to_fix_it():
    with pytest.raises(ValueError, match='resized'):
        unproject_depth(np.ones((2, 2), np.float32), CAMERA)
