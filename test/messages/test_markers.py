from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.transforms import quaternion_to_rotation
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.markers import (
    ADD,
    CUBE_LIST,
    DELETE,
    MARKER_ARRAY,
    TRIANGLE_LIST,
    MarkerPart,
    Markers,
    build_marker_array,
)

pytestmark = pytest.mark.ros

TEXT = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=17)
UNIT = st.floats(0, 1, width=32)
STAMPS = st.integers(0, 2**31 * 10**9 - 1)


@st.composite
def marker_parts(draw):
    kind, count = draw(st.sampled_from([CUBE_LIST, TRIANGLE_LIST])), draw(st.integers(0, 3)) * 3
    random = np.random.default_rng(count)
    colors = random.random((draw(st.sampled_from([0, count])), 4), np.float32)
    return MarkerPart(
        draw(TEXT), draw(st.integers(-2**31, 2**31 - 1)), kind, draw(st.floats(0, 10)),
        (draw(UNIT), draw(UNIT), draw(UNIT), draw(UNIT)), random.standard_normal((count, 3)),
        colors)


@st.composite
def marker_arrays(draw):
    T = np.eye(4)
    T[:3, 3] = draw(st.tuples(*[st.floats(-1e3, 1e3)] * 3))
    x, y, z = draw(st.tuples(*[st.floats(-1, 1)] * 3))
    T[:3, :3] = quaternion_to_rotation(x, y, z, 1)
    return Markers(tuple(draw(st.lists(marker_parts(), max_size=4))), draw(STAMPS), draw(TEXT), T)


def unpadded(markers, serialized):
    return MARKER_ARRAY.write(markers).equals(serialized)


@given(marker_arrays())
def test_the_bytes_equal_those_of_rclpy_padding_aside(markers):
    from rclpy.serialization import serialize_message
    official = serialize_message(build_marker_array(markers))
    assert len(MARKER_ARRAY.encode(markers)) == len(official)
    assert unpadded(markers, official)


@given(marker_arrays())
def test_rclpy_reads_the_bytes_as_the_message_of_objects(markers):
    from rclpy.serialization import deserialize_message
    from visualization_msgs.msg import MarkerArray
    read = deserialize_message(MARKER_ARRAY.encode(markers), MarkerArray)
    assert read == build_marker_array(markers)


def test_one_changed_byte_is_noticed_unless_it_is_padding():
    from rclpy.serialization import serialize_message
    part = MarkerPart('chair', 5, CUBE_LIST, 0.1, (1, 0, 0, 1), np.ones((2, 3)))
    markers = Markers((part,), 7, 'odom')
    official = serialize_message(build_marker_array(markers))
    num_noticed = 0
    for position in range(len(official)):
        changed = bytearray(official)
        changed[position] ^= 0x55
        num_noticed += not unpadded(markers, bytes(changed))
    assert len(official) - 40 < num_noticed < len(official)


def test_parts_say_their_name_kind_frame_and_time_and_an_empty_one_is_removed():
    from visualization_msgs.msg import Marker
    white, points = (1.0, 1.0, 1.0, 1.0), np.ones((3, 3))
    cubes, triangles, nothing = build_marker_array(Markers((
        MarkerPart('chair', 5, CUBE_LIST, 0.1, (0.5, 0.25, 0.125, 1), points),
        MarkerPart('wall', 3, TRIANGLE_LIST, 1.0, white, points),
        MarkerPart('sofa', 7, TRIANGLE_LIST, 1.0, white, points[:0])),
        3_000_000_007, 'odom')).markers
    assert (cubes.ns, cubes.id, cubes.type, cubes.action) == ('chair', 5, Marker.CUBE_LIST, ADD)
    assert (triangles.type, triangles.scale.z) == (Marker.TRIANGLE_LIST, 1.0)
    assert (nothing.ns, nothing.action) == ('sofa', DELETE) == ('sofa', Marker.DELETE)
    assert ADD == Marker.ADD and cubes.scale.x == 0.1 and cubes.color.g == 0.25
    assert cubes.header.frame_id == 'odom' and stamp_ns(cubes.header.stamp) == 3_000_000_007


def test_the_bytes_are_chosen_where_the_middleware_speaks_plain_cdr():
    from rclpy.serialization import serialize_message
    assert MARKER_ARRAY.fastest(serialize_message) == MARKER_ARRAY.encode


@pytest.mark.parametrize('serialize', [
    lambda msg: b'', lambda msg: b'\x00\x00\x00\x00' + bytes(2000)])
def test_objects_are_chosen_where_it_does_not(serialize):
    assert MARKER_ARRAY.fastest(serialize) is build_marker_array
