from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import MessageError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.clouds import (
    SEMANTIC_POINT,
    cloud_rgb,
    cloud_xyz,
    decode_cloud,
    encode_cloud,
    semantic_points,
)
from ssc_ros.messages.headers import make_header

SPACE = load_label_space('nyu12')
TYPES = ('i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8')


def random_cloud(*shape):
    random = np.random.default_rng(sum(shape))
    return semantic_points(
        random.standard_normal((*shape, 3)), random.integers(0, 12, shape).astype(np.uint8), SPACE,
        observed=random.random(shape) < 0.5, confidence=random.random(shape))


def make_cloud(points, *, big_endian=False, row_padding=0):
    """Return a foreign cloud message of a (H, W) structured array."""
    dtype = points.dtype
    ordered = points.astype(dtype.newbyteorder('>' if big_endian else '<'))
    rows = np.frombuffer(ordered.tobytes(), np.uint8).reshape(len(points), -1)
    rows = np.pad(rows, ((0, 0), (0, row_padding)), constant_values=7)
    fields = [
        SimpleNamespace(name=name, offset=dtype.fields[name][1], count=1,
                        datatype=TYPES.index(dtype[name].str[1:]) + 1)
        for name in dtype.names]
    return SimpleNamespace(
        height=points.shape[0], width=points.shape[1], fields=fields, is_bigendian=big_endian,
        point_step=dtype.itemsize, row_step=rows.shape[1], data=rows.reshape(-1), is_dense=True)


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


@given(
    st.permutations(TYPES), st.integers(1, 3), st.integers(1, 4), st.booleans(),
    st.integers(0, 9), st.integers(0, 5))
def test_foreign_clouds_of_any_types_padding_and_byte_order_are_read(
        types, height, width, big_endian, row_padding, tail):
    names = [f'field_{code}' for code in types]
    offsets = np.cumsum([0, *[np.dtype(code).itemsize + 1 for code in types]])
    dtype = np.dtype({'names': names, 'formats': list(types), 'offsets': offsets[:-1].tolist(),
                      'itemsize': int(offsets[-1]) + tail})
    points = np.zeros((height, width), dtype)
    for name in names:
        points[name] = np.random.default_rng(0).integers(0, 100, (height, width))
    decoded = decode_cloud(make_cloud(points, big_endian=big_endian, row_padding=row_padding))
    expected = points[0] if height == 1 else points
    for name in names:
        assert decoded[name].dtype.isnative
        np.testing.assert_array_equal(decoded[name], expected[name])


def test_fields_of_several_values_keep_them_and_a_count_of_zero_means_one():
    msg = make_cloud(np.zeros((1, 2), np.dtype('f4,f4,f4,f4')))
    msg.data = np.arange(8, dtype=np.float32).view(np.uint8)
    msg.fields = [SimpleNamespace(name='histogram', offset=4, datatype=7, count=3),
                  SimpleNamespace(name='x', offset=0, datatype=7, count=0)]
    decoded = decode_cloud(msg)
    assert decoded['histogram'].tolist() == [[1, 2, 3], [5, 6, 7]]
    assert decoded['x'].tolist() == [0, 4]


def test_an_empty_cloud_is_no_error():
    assert decode_cloud(make_cloud(np.zeros((1, 0), SEMANTIC_POINT))).shape == (0,)


XYZ = np.dtype({'names': ['x', 'y', 'z'], 'formats': ['f4'] * 3})


@pytest.mark.parametrize(('change', 'reason'), [
    ({'data': bytes(71)}, 'truncated: 71 bytes came but 3x2 points of 12 bytes need 72'),
    ({'row_step': 35}, 'row_step is 35 bytes but a row of 3 points has 36'),
    ({'point_step': 11}, "field 'z' covers bytes 8 to 12 of a point of 11"),
    ({'point_step': 0}, "field 'x' covers bytes 0 to 4 of a point of 0"),
    ({'fields': []}, 'expected distinct names'),
    ({'fields': [SimpleNamespace(name='x', offset=0, datatype=9, count=1)]}, 'datatype 9'),
    ({'fields': [SimpleNamespace(name='x', offset=0, datatype=7, count=1)] * 2}, 'distinct'),
    ({'fields': [SimpleNamespace(name='x', offset=0, datatype=7, count=4)]}, 'bytes 0 to 16'),
])
def test_malformed_clouds_name_what_came_and_the_remedy(change, reason):
    msg = make_cloud(np.zeros((2, 3), XYZ))
    with pytest.raises(MessageError, match=reason):
        decode_cloud(SimpleNamespace(**{**vars(msg), **change}))


SMALL = st.integers(0, 12) | st.integers(0, 2**32 - 1)


@given(
    st.lists(st.builds(SimpleNamespace, name=st.text(max_size=3), offset=SMALL,
                       datatype=st.integers(0, 255), count=SMALL), max_size=3),
    SMALL, SMALL, SMALL, SMALL, st.booleans(), st.binary(max_size=60))
def test_random_messages_raise_nothing_but_message_error(
        fields, height, width, point_step, row_step, big_endian, data):
    msg = SimpleNamespace(fields=fields, height=height, width=width, point_step=point_step,
                          row_step=row_step, is_bigendian=big_endian, data=data)
    try:
        cloud_xyz(decode_cloud(msg))
    except MessageError as error:
        assert len(str(error)) > 20


def test_missing_coordinates_or_colours_are_named():
    cloud = np.zeros(3, np.dtype([('x', 'f4'), ('y', 'f4')]))
    with pytest.raises(MessageError, match='z missing'):
        cloud_xyz(cloud)
    with pytest.raises(MessageError, match='no rgb'):
        cloud_rgb(cloud)


@pytest.mark.ros
def test_only_structured_arrays_of_numbers_become_clouds():
    for cloud in (np.zeros((3, 3)), np.zeros((2, 2, 2), XYZ)):
        with pytest.raises(MessageError, match='structured array'):
            encode_cloud(cloud, None)
    with pytest.raises(MessageError, match='expected one little-endian number'):
        encode_cloud(np.zeros(2, np.dtype([('x', 'f4'), ('y', 'f4'), ('z', '>f4')])), None)
