from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.markers import ADD, DELETE
from ssc_ros.messages.meshes import (
    MeshMarkers,
    MeshPart,
    build_mesh_array,
    choose_mesh_encoder,
    encode_mesh_array,
    mesh_part,
)

pytestmark = pytest.mark.ros

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 2]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
RGB = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [51, 102, 204]], np.uint8)


def markers(*parts: MeshPart) -> MeshMarkers:
    return MeshMarkers(parts, 3_000_000_007, 'odom')


@pytest.fixture(autouse=True)
def _needs_ros() -> None:
    pytest.importorskip('rclpy')
    pytest.importorskip('visualization_msgs')


def test_corners_and_colours_are_those_of_the_faces():
    part = mesh_part('observed', VERTICES, FACES, RGB)
    np.testing.assert_array_equal(part.points[3:], VERTICES[[0, 2, 3]])
    np.testing.assert_allclose(part.colors[5], [0.2, 0.4, 0.8, 1.0])


@pytest.mark.parametrize('count', [0, 1, 7])
def test_the_bytes_are_those_of_the_official_serialiser(count):
    from rclpy.serialization import deserialize_message
    from visualization_msgs.msg import MarkerArray

    random = np.random.default_rng(count)
    part = MeshPart('part', random.random((3 * count, 3)),
                    random.random((3 * count, 4)).astype(np.float32))
    array = markers(part, mesh_part('more', VERTICES, FACES, RGB))
    read = deserialize_message(encode_mesh_array(array), MarkerArray)
    assert read == build_mesh_array(array)


def test_parts_say_their_name_frame_and_time_and_an_empty_one_is_removed():
    from rclpy.serialization import deserialize_message
    from visualization_msgs.msg import Marker, MarkerArray

    empty = MeshPart('completed', np.empty((0, 3)), np.empty((0, 4), np.float32))
    array = deserialize_message(
        encode_mesh_array(markers(mesh_part('observed', VERTICES, FACES, RGB), empty)),
        MarkerArray)
    first, second = array.markers
    assert (first.ns, first.action, first.type) == ('observed', ADD, Marker.TRIANGLE_LIST)
    assert (second.ns, second.action) == ('completed', DELETE)
    assert first.header.frame_id == 'odom' and stamp_ns(first.header.stamp) == 3_000_000_007
    assert len(first.points) == len(first.colors) == 6 and first.scale.z == 1.0


def test_the_bytes_are_chosen_only_where_the_middleware_writes_the_same():
    from rclpy.serialization import serialize_message

    assert choose_mesh_encoder(serialize_message) is encode_mesh_array
    assert choose_mesh_encoder(lambda message: b'other') is build_mesh_array
