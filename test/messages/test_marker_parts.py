from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import load_label_space
from ssc_ros.messages.marker_parts import colored_part, cube_parts, mesh_parts
from ssc_ros.messages.markers import CUBE_LIST, MARKER_ARRAY, TRIANGLE_LIST, Markers
from ssc_ros.messages.voxels import occupied_mask, surface_mask

SPACE = load_label_space('nyu12')
SIZE_M = 0.25
VOLUMES = arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3), elements=st.sampled_from(
    [0, 3, 3, 5, 255]))
ORDERS = st.sampled_from(['xyz', 'xzy'])


def meshed(labels, order='xyz', **options):
    grid = VoxelGrid((-1.0, 2.0, 0.5), SIZE_M, labels.shape, order)
    return grid, mesh_parts(labels, grid, SPACE, occupied_mask(labels, SPACE), **options)


def areas_m2(part):
    corners = part.points.reshape(-1, 3, 3)
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0],
                                   corners[:, 2] - corners[:, 0]), axis=1) / 2


@pytest.fixture(scope='module')
def shown(estimate):
    return occupied_mask(estimate.labels, estimate.label_space)


class TestCubes:
    def test_every_class_but_empty_has_one_list_of_its_voxels(self, estimate, shown):
        parts = cube_parts(estimate.labels, estimate.grid, SPACE, shown)
        assert [part.name for part in parts] == list(SPACE.names[1:])
        assert {part.kind for part in parts} == {CUBE_LIST}
        centers = estimate.grid.centers()
        for part in parts:
            expected = centers[estimate.labels.reshape(-1) == part.marker_id]
            np.testing.assert_allclose(part.points, expected, atol=1e-12)
            np.testing.assert_allclose(part.color, [*SPACE.colors[part.marker_id] / 255, 1])
            assert part.scale == pytest.approx(0.95 * 0.08)

    def test_a_solid_room_is_but_its_surface(self):
        labels = np.full((5, 6, 7), 3, np.uint8)
        grid = VoxelGrid((0.0, 0.0, 0.0), 0.1, labels.shape)
        wall = cube_parts(labels, grid, SPACE, surface_mask(labels > 0))[2]
        assert wall.name == 'wall' and len(wall.points) == 5 * 6 * 7 - 3 * 4 * 5


class TestMesh:
    @given(VOLUMES, ORDERS)
    def test_its_area_is_that_of_the_exposed_faces_of_every_class(self, labels, order):
        _, parts = meshed(labels, order)
        is_shown = occupied_mask(labels, SPACE)
        padded, inner = np.pad(is_shown, 1), (slice(1, -1),) * 3
        for part in parts:
            exposed = sum(
                ((labels == part.marker_id) & ~np.roll(padded, step, axis)[inner]).sum()
                for axis in range(3) for step in (-1, 1))
            assert areas_m2(part).sum() == pytest.approx(exposed * SIZE_M**2)

    @given(VOLUMES, ORDERS)
    def test_it_is_closed_so_that_its_volume_is_that_of_the_voxels(self, labels, order):
        _, parts = meshed(labels, order)
        corners = np.concatenate([part.points for part in parts]).reshape(-1, 3, 3)
        volume = np.einsum('ti,ti->', corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
        assert volume == pytest.approx(occupied_mask(labels, SPACE).sum() * SIZE_M**3, abs=1e-9)

    @pytest.mark.parametrize('order', ['xyz', 'xzy'])
    def test_a_lone_voxel_is_twelve_triangles_around_its_place(self, order):
        labels = np.zeros((4, 5, 6), np.uint8)
        labels[1, 2, 3] = SPACE.names.index('chair')
        grid, parts = meshed(labels, order)
        chair, = (part for part in parts if len(part.points))
        assert (chair.name, chair.kind, len(chair.points)) == ('chair', TRIANGLE_LIST, 36)
        center = grid.index_to_point([[1, 2, 3]])[0]
        np.testing.assert_allclose(chair.points.min(axis=0), center - SIZE_M / 2)
        np.testing.assert_allclose(chair.points.max(axis=0), center + SIZE_M / 2)
        np.testing.assert_allclose(chair.color, [*SPACE.colors[chair.marker_id] / 255, 1])

    def test_a_wall_is_as_few_triangles_as_a_cube_however_many_voxels_it_has(self):
        labels = np.zeros((9, 40, 30), np.uint8)
        labels[4] = SPACE.names.index('wall')
        assert sum(len(part.points) for part in meshed(labels)[1]) == 36

    def test_kinds_have_names_ids_and_opacity_of_their_own(self):
        _, parts = meshed(np.full((1, 1, 1), 3, np.uint8), prefix='completed/', first_id=1000,
                          alpha=0.5)
        assert [part.name for part in parts] == [f'completed/{name}' for name in SPACE.names[1:]]
        assert parts[2].marker_id == 1003 and parts[2].color[3] == 0.5

    @pytest.mark.ros
    def test_its_bytes_are_those_of_rclpy(self, estimate, shown):
        from rclpy.serialization import deserialize_message, serialize_message
        from visualization_msgs.msg import MarkerArray

        from ssc_ros.messages.markers import build_marker_array
        few = shown & (np.indices(shown.shape)[0] < 4)
        markers = Markers(mesh_parts(estimate.labels, estimate.grid, SPACE, few), 5, 'camera',
                          estimate.T_camera_voxel)
        official = bytes(serialize_message(build_marker_array(markers)))
        assert MARKER_ARRAY.write(markers).equals(official)
        read = deserialize_message(MARKER_ARRAY.encode(markers), MarkerArray)
        assert sum(len(marker.points) for marker in read.markers) > 3000


def test_corners_and_colours_are_those_of_the_faces():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 2]], np.float32)
    rgb = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [51, 102, 204]], np.uint8)
    part = colored_part('observed', vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), rgb)
    assert (part.name, part.kind, part.scale) == ('observed', TRIANGLE_LIST, 1.0)
    np.testing.assert_array_equal(part.points[3:], vertices[[0, 2, 3]])
    np.testing.assert_allclose(part.corner_colors[5], [0.2, 0.4, 0.8, 1.0])
