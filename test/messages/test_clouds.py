from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import MessageError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.cloud_reading import cloud_rgb, decode_cloud
from ssc_ros.messages.clouds import (
    POINT_CLOUD,
    SEMANTIC_POINT,
    encode_cloud,
    semantic_points,
)
from ssc_ros.messages.headers import make_header

SPACE = load_label_space('nyu12')


def random_cloud(*shape):
    random = np.random.default_rng(sum(shape))
    return semantic_points(
        random.standard_normal((*shape, 3)), random.integers(0, 12, shape).astype(np.uint8), SPACE,
        observed=random.random(shape) < 0.5, confidence=random.random(shape))


def test_the_point_is_24_aligned_bytes_as_documented():
    assert SEMANTIC_POINT.itemsize == 24
    assert {name: SEMANTIC_POINT.fields[name][1] for name in SEMANTIC_POINT.names} == {
        'x': 0, 'y': 4, 'z': 8, 'rgb': 12, 'label': 16, 'observed': 18, 'confidence': 20}
    for name in SEMANTIC_POINT.names:
        assert SEMANTIC_POINT.fields[name][1] % SEMANTIC_POINT[name].itemsize == 0


def test_points_carry_the_colour_of_their_class():
    cloud = semantic_points(np.zeros((3, 3)), np.array([1, 5, 255], np.uint8), SPACE)
    expected = [*SPACE.colors[[1, 5]].tolist(), list(SPACE.ignore_color)]
    assert cloud_rgb(cloud).tolist() == expected
    assert cloud['label'].tolist() == [1, 5, 255]


def test_labels_beyond_a_byte_are_kept():
    cloud = semantic_points(np.zeros((1, 3)), np.array([300], np.uint16), SPACE)
    assert cloud['label'].tolist() == [300]
    assert cloud_rgb(cloud).tolist() == [list(SPACE.ignore_color)]


@pytest.mark.ros
@given(st.integers(0, 40), st.none() | st.integers(2, 5))
def test_our_clouds_read_back_as_they_were(width, height):
    cloud = random_cloud(width) if height is None else random_cloud(height, width)
    msg = encode_cloud(cloud, make_header(1, 'camera'))
    decoded = decode_cloud(msg)
    assert len(msg.data) == cloud.size * 24 and msg.point_step == 24
    if cloud.size:
        assert decoded.shape == cloud.shape
    for name in set(SEMANTIC_POINT.names) - {'rgb'}:
        assert decoded[name].dtype == SEMANTIC_POINT[name]
        np.testing.assert_array_equal(decoded[name].reshape(-1), cloud[name].reshape(-1))
    np.testing.assert_array_equal(cloud_rgb(decoded).reshape(-1, 3),
                                  cloud_rgb(cloud).reshape(-1, 3))


@pytest.mark.ros
def test_rgb_is_declared_as_the_float_that_rviz_expects():
    msg = encode_cloud(random_cloud(4), make_header(1, 'camera'))
    by_name = {field.name: field for field in msg.fields}
    assert list(by_name) == ['x', 'y', 'z', 'rgb', 'label', 'observed', 'confidence']
    assert by_name['rgb'].datatype == by_name['rgb'].FLOAT32 == 7
    assert by_name['label'].datatype == by_name['label'].UINT16
    assert by_name['observed'].datatype == by_name['observed'].UINT8
    assert all(field.count == 1 for field in msg.fields)
    assert not msg.is_bigendian


@pytest.mark.ros
def test_missing_points_make_a_cloud_not_dense():
    cloud = random_cloud(2, 3)
    assert encode_cloud(cloud, make_header(1, '')).is_dense
    cloud['z'][1, 2] = np.nan
    msg = encode_cloud(cloud, make_header(1, ''))
    assert not msg.is_dense and (msg.height, msg.width, msg.row_step) == (2, 3, 72)


@pytest.mark.ros
@pytest.mark.skipif(
    importlib.util.find_spec('sensor_msgs_py') is None, reason='needs sensor_msgs_py')
def test_sensor_msgs_py_reads_our_clouds():
    from sensor_msgs_py import point_cloud2
    cloud = random_cloud(9)
    read = point_cloud2.read_points(encode_cloud(cloud, make_header(1, '')))
    for name in ('x', 'y', 'z', 'label', 'observed', 'confidence'):
        np.testing.assert_array_equal(read[name].reshape(-1), cloud[name])


@pytest.mark.ros
def test_only_structured_arrays_of_numbers_become_clouds():
    for cloud in (np.zeros((3, 3)), np.zeros((2, 2, 2), SEMANTIC_POINT)):
        with pytest.raises(MessageError, match='structured array'):
            encode_cloud(cloud, None)
    with pytest.raises(MessageError, match='expected a little-endian number'):
        encode_cloud(np.zeros(2, np.dtype([('x', 'f4'), ('y', 'f4'), ('z', '>f4')])), None)


FRAMES = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=17)


@pytest.mark.ros
@given(st.integers(0, 9), st.none() | st.integers(2, 4), FRAMES, st.booleans())
def test_the_bytes_equal_those_of_rclpy_padding_aside(width, height, frame_id, has_gaps):
    from rclpy.serialization import deserialize_message, serialize_message
    from sensor_msgs.msg import PointCloud2
    cloud = random_cloud(width) if height is None else random_cloud(height, width)
    if has_gaps and cloud.size:
        cloud['x'].reshape(-1)[0] = np.nan
    header = make_header(12_345_678_901, frame_id)
    msg = encode_cloud(cloud, header)
    assert POINT_CLOUD.write(cloud, header).equals(serialize_message(msg))
    assert deserialize_message(POINT_CLOUD.encode(cloud, header), PointCloud2) == msg


@pytest.mark.ros
def test_the_fast_encoder_is_chosen_only_where_the_middleware_speaks_plain_cdr():
    from rclpy.serialization import serialize_message
    assert POINT_CLOUD.fastest(serialize_message) == POINT_CLOUD.encode
    assert POINT_CLOUD.fastest(lambda msg: b'\0\0\0\0') is encode_cloud
