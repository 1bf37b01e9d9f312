from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.transforms import quaternion_to_rotation
from ssc_ros.messages.markers import (
    ADD,
    CUBE_LIST,
    DELETE,
    CubeList,
    VoxelMarkers,
    build_marker_array,
    choose_marker_encoder,
    encode_marker_array,
    voxel_markers,
)
from ssc_ros.messages.voxels import occupied_mask

TEXT = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=17)
UNIT = st.floats(0, 1, width=32)
STAMPS = st.integers(0, 2**31 * 10**9 - 1)


@st.composite
def cube_lists(draw):
    count = draw(st.integers(0, 5))
    points = np.random.default_rng(count).standard_normal((count, 3))
    return CubeList(draw(TEXT), draw(st.integers(-2**31, 2**31 - 1)),
                    (draw(UNIT), draw(UNIT), draw(UNIT), draw(UNIT)), points)


@st.composite
def marker_arrays(draw):
    T = np.eye(4)
    T[:3, 3] = draw(st.tuples(*[st.floats(-1e3, 1e3)] * 3))
    x, y, z = draw(st.tuples(*[st.floats(-1, 1)] * 3))
    T[:3, :3] = quaternion_to_rotation(x, y, z, 1)
    return VoxelMarkers(
        tuple(draw(st.lists(cube_lists(), max_size=4))), T, draw(st.floats(0, 10)),
        draw(STAMPS), draw(TEXT), draw(st.just(0) | STAMPS))


def unpadded(markers, serialized):
    from ssc_ros.messages.markers import _write
    return _write(markers).equals(serialized)


@pytest.mark.ros
@given(marker_arrays())
def test_the_bytes_equal_those_of_rclpy_padding_aside(markers):
    from rclpy.serialization import serialize_message
    official = serialize_message(build_marker_array(markers))
    assert len(encode_marker_array(markers)) == len(official)
    assert unpadded(markers, official)


@pytest.mark.ros
@given(marker_arrays())
def test_rclpy_reads_the_bytes_as_the_message_of_objects(markers):
    from rclpy.serialization import deserialize_message
    from visualization_msgs.msg import MarkerArray
    read = deserialize_message(encode_marker_array(markers), MarkerArray)
    assert read == build_marker_array(markers)


@pytest.mark.ros
def test_one_changed_byte_is_noticed_unless_it_is_padding():
    from rclpy.serialization import serialize_message
    markers = VoxelMarkers(
        (CubeList('chair', 5, (1, 0, 0, 1), np.ones((2, 3))),), np.eye(4), 0.1, 7, 'odom')
    official = serialize_message(build_marker_array(markers))
    ours = encode_marker_array(markers)
    num_noticed = 0
    for position in range(len(official)):
        changed = bytearray(official)
        changed[position] ^= 0x55
        num_noticed += not unpadded(markers, bytes(changed))
    assert len(ours) - 40 < num_noticed < len(ours)


@pytest.fixture(scope='module')
def scene_markers(estimate):
    return voxel_markers(
        estimate.labels, estimate.grid, estimate.label_space, frame_id='camera',
        T_frame_voxel=estimate.T_camera_voxel, stamp_ns=estimate.stamp_ns)


def test_every_class_but_empty_has_one_list_of_its_voxels(estimate, scene_markers):
    names = estimate.label_space.names
    assert [cubes.name for cubes in scene_markers.cubes] == list(names[1:])
    centers = estimate.grid.centers()
    for cubes in scene_markers.cubes:
        expected = centers[estimate.labels.reshape(-1) == cubes.marker_id]
        np.testing.assert_allclose(cubes.points, expected, atol=1e-12)
        color = estimate.label_space.colors[cubes.marker_id] / 255
        np.testing.assert_allclose(cubes.color, [*color, 1])
    assert scene_markers.edge_m == pytest.approx(0.95 * 0.08)


@pytest.mark.ros
def test_a_scene_survives_the_way_through_rclpy(estimate, scene_markers):
    from rclpy.serialization import deserialize_message
    from visualization_msgs.msg import MarkerArray
    array = deserialize_message(encode_marker_array(scene_markers), MarkerArray)
    is_occupied = occupied_mask(estimate.labels, estimate.label_space)
    assert sum(len(marker.points) for marker in array.markers) == is_occupied.sum()
    marker = array.markers[4]
    assert (marker.ns, marker.id, marker.type, marker.action) == ('chair', 5, CUBE_LIST, ADD)
    assert (CUBE_LIST, ADD, DELETE) == (marker.CUBE_LIST, marker.ADD, marker.DELETE)
    assert marker.header.frame_id == 'camera'
    assert marker.header.stamp.sec == 12 and marker.header.stamp.nanosec == 345_678_901
    q = marker.pose.orientation
    np.testing.assert_allclose(
        quaternion_to_rotation(q.x, q.y, q.z, q.w), estimate.T_camera_voxel[:3, :3], atol=1e-9)


@pytest.mark.ros
def test_a_class_without_voxels_is_deleted_from_the_screen(estimate):
    labels = np.full(estimate.grid.shape, 3, np.uint8)
    markers = voxel_markers(
        labels, estimate.grid, estimate.label_space, T_frame_voxel=np.eye(4), frame_id='map',
        stamp_ns=0, is_kept=np.indices(labels.shape)[0] == 0)
    actions = {m.ns: m.action for m in build_marker_array(markers).markers}
    assert actions.pop('wall') == ADD
    assert set(actions.values()) == {DELETE} and len(actions) == 10
    assert len(markers.cubes[2].points) == 36 * 60


@pytest.mark.ros
def test_the_fast_encoder_is_chosen_where_the_middleware_speaks_plain_cdr():
    from rclpy.serialization import serialize_message
    assert choose_marker_encoder(serialize_message) is encode_marker_array


@pytest.mark.ros
@pytest.mark.parametrize('serialize', [
    lambda msg: b'', lambda msg: b'\x00\x00\x00\x00' + bytes(2000)])
def test_objects_are_chosen_where_it_does_not(serialize):
    assert choose_marker_encoder(serialize) is build_marker_array
