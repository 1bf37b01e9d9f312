from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssc_ros.errors import MessageError
from ssc_ros.messages.depth import (
    decode_depth,
    depth_in_metres,
    depth_in_millimetres,
    encode_depth,
)
from ssc_ros.messages.headers import make_header


def make_depth(pixels, encoding):
    return SimpleNamespace(
        height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, is_bigendian=0,
        step=pixels.shape[1] * pixels.itemsize, data=pixels.reshape(-1).view(np.uint8))


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16'])
def test_integers_are_millimetres_and_zero_is_missing(encoding):
    msg = make_depth(np.array([[0, 1, 1500, 65535]], np.uint16), encoding)
    np.testing.assert_allclose(decode_depth(msg), [[0, 0.001, 1.5, 65.535]], rtol=1e-6)


def test_floats_are_metres_and_nan_infinities_and_negatives_are_missing():
    pixels = np.array([[np.nan, np.inf, -np.inf, -1, 0, 2.5]], np.float32)
    depth = decode_depth(make_depth(pixels, '32FC1'))
    assert depth.tolist() == [[0, 0, 0, 0, 0, 2.5]] and depth.dtype == np.float32


@pytest.mark.parametrize('encoding', ['mono8', 'rgb8', 'bayer_rggb8', '64FC1'])
def test_images_without_depth_are_refused(encoding):
    with pytest.raises(MessageError, match='holds no depth, expected 16UC1'):
        decode_depth(make_depth(np.zeros((2, 3), np.uint8), encoding))


@pytest.mark.ros
@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(0, 60, width=32) | st.just(np.nan)))
def test_encoding_keeps_floats_exactly_and_integers_to_half_a_millimetre(depth):
    header = make_header(0, 'camera')
    expected = depth_in_metres(depth)
    np.testing.assert_array_equal(decode_depth(encode_depth(depth, header)), expected)
    millimetres = decode_depth(encode_depth(depth, header, '16UC1'))
    np.testing.assert_allclose(millimetres, expected, atol=0.00051)


@pytest.mark.ros
def test_missing_floats_are_sent_as_nan_as_rep_118_says():
    msg = encode_depth(np.array([[0, 1]], np.float32), make_header(0, ''))
    sent = np.frombuffer(msg.data, np.float32)
    assert np.isnan(sent[0]) and sent[1] == 1


def test_depths_beyond_16_bits_are_missing_not_wrapped():
    depth = np.array([[65.535, 65.54, 70.0, 1000.0]], np.float32)
    assert depth_in_millimetres(depth).tolist() == [[65535, 0, 0, 0]]


def test_other_number_types_and_encodings_are_refused():
    with pytest.raises(MessageError, match='expected uint16 millimetres or floating metres'):
        depth_in_metres(np.zeros((2, 2), np.int32))
    with pytest.raises(MessageError, match='is not 16UC1 or 32FC1'):
        encode_depth(np.zeros((2, 2), np.float32), None, 'mono8')
