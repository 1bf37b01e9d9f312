from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import MessageError
from ssc_ros.messages.cloud_reading import cloud_rgb, cloud_xyz, decode_cloud
from ssc_ros.messages.clouds import POINT_FIELD_TYPES as TYPES
from ssc_ros.messages.clouds import SEMANTIC_POINT


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
