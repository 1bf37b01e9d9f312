from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssc_ros.errors import MessageError
from ssc_ros.messages.compressed import png_bytes
from ssc_ros.messages.compressed_depth import (
    compressed_depth_bytes,
    decode_compressed_depth,
    encode_compressed_depth,
)
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.rvl import decode_rvl

DEPTHS = hnp.arrays(
    np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.integers(0, 65535) | st.just(0) | st.integers(1000, 1020))


def encode_rvl(depth):
    """Encode as the algorithm of Wilson (2017) is written: pixel by pixel, nibble by nibble."""
    nibbles = []

    def integer(value):
        while True:
            group, value = value & 7, value >> 3
            nibbles.append(group | (8 if value else 0))
            if not value:
                return

    values = depth.reshape(-1).tolist()
    position, previous = 0, 0
    while position < len(values):
        for is_zero in (True, False):
            start = position
            while position < len(values) and (values[position] == 0) == is_zero:
                position += 1
            integer(position - start)
        for value in values[start:position]:
            difference, previous = value - previous, value
            integer(difference << 1 if difference >= 0 else -2 * difference - 1)
    nibbles += [0] * (-len(nibbles) % 8)
    words = [sum(n << 28 - 4 * i for i, n in enumerate(nibbles[start:start + 8]))
             for start in range(0, len(nibbles), 8)]
    return struct.pack(f'<{len(words)}I', *words)


def make_message(data, name):
    return SimpleNamespace(format=name, data=np.frombuffer(data, np.uint8))


def rvl_message(depth, encoding='16UC1', a=0.0, b=0.0):
    height, width = depth.shape
    data = struct.pack('<iffII', 0, a, b, width, height) + encode_rvl(depth)
    return make_message(data, f'{encoding}; compressedDepth rvl')


@given(DEPTHS)
def test_rvl_is_exact(depth):
    decoded = decode_rvl(np.frombuffer(encode_rvl(depth), np.uint8), depth.shape)
    np.testing.assert_array_equal(decoded, depth)


@given(DEPTHS)
def test_millimetres_survive_png_and_rvl_exactly(depth):
    for msg in (make_message(compressed_depth_bytes(depth), '16UC1; compressedDepth'),
                make_message(compressed_depth_bytes(depth), '16UC1; compressedDepth png'),
                rvl_message(depth)):
        decoded = decode_compressed_depth(msg)
        assert decoded.dtype == np.float32
        np.testing.assert_array_equal(np.rint(decoded * 1000), depth)


def test_metres_are_quantised_finely_near_and_coarsely_far():
    depth = np.array([[0.5, 1.0, 3.0, 9.9], [np.nan, 0.0, 12.0, np.inf]], np.float32)
    msg = make_message(compressed_depth_bytes(depth), '32FC1; compressedDepth png')
    decoded = decode_compressed_depth(msg)
    # One step of the inverse depth is z^2 / (100 * 101) metres; rounding costs half of it.
    error = np.abs(decoded[0] - depth[0])
    assert (error <= depth[0] ** 2 / (100 * 101) / 2 + 1e-4).all()
    assert (decoded[1] == 0).all()


def test_floats_too_near_for_the_quantisation_are_missing_not_wrong():
    depth = np.array([[0.01, 0.1, 2.0]], np.float32)
    decoded = decode_compressed_depth(
        make_message(compressed_depth_bytes(depth), '32FC1; compressedDepth'))
    assert decoded[0, 0] == decoded[0, 1] == 0 and decoded[0, 2] == pytest.approx(2, abs=1e-3)


def test_rvl_holds_quantised_metres_too():
    a, b = 100 * 101.0, 1 - 100 * 101 / 10.0
    values = np.array([[0, round(a / 2 + b)]], np.uint16)
    decoded = decode_compressed_depth(rvl_message(values, '32FC1', a, b))
    np.testing.assert_allclose(decoded, [[0, 2]], atol=1e-3)


@pytest.mark.parametrize(('data', 'name', 'reason'), [
    (b'', '16UC1; compressedDepth png', '0 bytes came'),
    (bytes(12), '16UC1; compressedDepth rvl', '12 bytes came'),
    (bytes(16), '16UC1; compressedDepth rvl', '4 bytes follow'),
    (bytes(20), '16UC1; compressedDepth rvl', '0x0 pixels'),
    (bytes(12) + b'\xff' * 8, '16UC1; compressedDepth rvl', '4294967295x4294967295'),
    (bytes(40), '16UC1; compressedDepth png', 'expected a JPEG or PNG'),
    (bytes(40), 'jpeg', 'subscribe to the compressedDepth topic'),
    (bytes(40), '8UC1; compressedDepth', 'subscribe to the compressedDepth topic'),
    (bytes(12) + png_bytes(np.zeros((2, 2), np.uint8)), '16UC1; compressedDepth png',
     'uint8 picture, expected one channel'),
    (struct.pack('<iffIII', 0, 0, 0, 4, 4, 0), '16UC1; compressedDepth rvl', 'stands still'),
    (struct.pack('<iffIII', 0, 0, 0, 4, 4, 0xFFFFFFFF), '16UC1; compressedDepth rvl', 'it ends'),
])
def test_malformed_depth_names_what_came_and_the_remedy(data, name, reason):
    with pytest.raises(MessageError, match=reason):
        decode_compressed_depth(make_message(data, name))


@given(DEPTHS, st.integers(0, 10**6))
def test_truncated_rvl_raises_message_error(depth, cut):
    msg = rvl_message(depth)
    # The last word may hold padding only from some nibble on, never all of it.
    msg.data = msg.data[:cut % len(msg.data)]
    with pytest.raises(MessageError):
        decode_compressed_depth(msg)


@given(st.binary(max_size=60), st.sampled_from(['16UC1', '32FC1']),
       st.sampled_from(['png', 'rvl', '']), st.integers(0, 6), st.integers(0, 6))
def test_random_payloads_raise_nothing_but_message_error(data, encoding, codec, width, height):
    header = struct.pack('<iff', 0, 100.0, 0.0)
    if codec == 'rvl':
        header += struct.pack('<II', width, height)
    try:
        depth = decode_compressed_depth(
            make_message(header + data, f'{encoding}; compressedDepth {codec}'))
        assert np.isfinite(depth).all() and (depth >= 0).all()
    except MessageError as error:
        assert len(str(error)) > 20


@given(st.binary(min_size=12, max_size=12))
def test_any_quantisation_header_gives_finite_depths(header):
    payload = compressed_depth_bytes(np.array([[1, 500, 65535]], np.uint16))[12:]
    depth = decode_compressed_depth(make_message(header + payload, '32FC1; compressedDepth png'))
    assert np.isfinite(depth).all() and (depth >= 0).all()


@pytest.mark.ros
@pytest.mark.parametrize('dtype', [np.uint16, np.float32])
def test_messages_name_their_encoding(dtype):
    msg = encode_compressed_depth(np.full((3, 4), 2, dtype), make_header(1, 'camera'))
    assert msg.format == ('16UC1' if dtype == np.uint16 else '32FC1') + '; compressedDepth png'
    expected = 0.002 if dtype == np.uint16 else 2.0
    np.testing.assert_allclose(decode_compressed_depth(msg), expected, atol=1e-3)
