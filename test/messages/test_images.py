from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssc_ros.errors import MessageError
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import (
    ENCODINGS,
    decode_color,
    decode_image,
    decode_label,
    decode_mono,
    encode_image,
)

SIDES = st.integers(1, 7)
FOREIGN = ('bayer_rggb8', 'yuv422_yuy2', 'nv12', '64FC1', 'nonsense', '')


def make_image(pixels, encoding, *, padding=0, big_endian=False, last_padding=True):
    """Return an image message as rosbags would: plain attributes and NumPy data."""
    height, width = pixels.shape[:2]
    order = '>' if big_endian else '<'
    rows = pixels.astype(pixels.dtype.newbyteorder(order)).reshape(height, -1).view(np.uint8)
    step = rows.shape[1] + padding
    data = np.full((height, step), 0xAB, np.uint8)
    data[:, :rows.shape[1]] = rows
    flat = data.reshape(-1)
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=int(big_endian), step=step,
        data=flat if last_padding or not padding else flat[:-padding])


@st.composite
def pixels_of(draw, encoding):
    pixel_format = ENCODINGS[encoding]
    shape = (draw(SIDES), draw(SIDES))
    if pixel_format.channels > 1:
        shape += (pixel_format.channels,)
    return draw(hnp.arrays(pixel_format.dtype, shape))


@pytest.mark.parametrize('encoding', ENCODINGS)
@given(data=st.data(), padding=st.integers(0, 5), big_endian=st.booleans(),
       last_padding=st.booleans())
def test_pixels_survive_padding_and_byte_order(
        encoding, data, padding, big_endian, last_padding):
    pixels = data.draw(pixels_of(encoding))
    msg = make_image(
        pixels, encoding, padding=padding, big_endian=big_endian, last_padding=last_padding)
    decoded = decode_image(msg)
    assert decoded.dtype == pixels.dtype and decoded.dtype.isnative
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.ros
@pytest.mark.parametrize('encoding', ENCODINGS)
@given(data=st.data())
def test_encoding_and_decoding_return_the_same_pixels(encoding, data):
    pixels = data.draw(pixels_of(encoding))
    msg = encode_image(pixels, encoding, make_header(3, 'camera'))
    assert (msg.height, msg.width) == pixels.shape[:2]
    assert msg.step * msg.height == len(msg.data)
    assert msg.header.frame_id == 'camera'
    np.testing.assert_array_equal(decode_image(msg), pixels)


@pytest.mark.ros
def test_strided_and_reversed_arrays_are_encoded_row_by_row():
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)[::-1, ::2]
    np.testing.assert_array_equal(
        decode_image(encode_image(pixels, 'mono8', make_header(0, ''))), pixels)


RED = {
    'rgb8': [200, 10, 5], 'bgr8': [5, 10, 200],
    'rgba8': [200, 10, 5, 9], 'bgra8': [5, 10, 200, 9],
}


@pytest.mark.parametrize('encoding', RED)
@pytest.mark.parametrize('padding', [0, 3])
def test_every_colour_encoding_becomes_rgb(encoding, padding):
    pixels = np.tile(np.array(RED[encoding], np.uint8), (3, 5, 1))
    color = decode_color(make_image(pixels, encoding, padding=padding))
    assert color.shape == (3, 5, 3) and color.dtype == np.uint8 and color.flags.c_contiguous
    assert (color == [200, 10, 5]).all()


@pytest.mark.parametrize('big_endian', [False, True])
def test_grey_images_are_repeated_and_16_bits_keep_the_upper_byte(big_endian):
    pixels = np.array([[0x1234, 0xFF00]], np.uint16)
    msg = make_image(pixels, 'mono16', big_endian=big_endian)
    assert decode_color(msg).tolist() == [[[0x12] * 3, [0xFF] * 3]]
    assert decode_mono(msg).tolist() == [[0x12, 0xFF]]


def test_mono_weighs_the_channels_the_same_way_in_both_orders():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    rgb = decode_mono(make_image(pixels, 'rgb8'))
    bgr = decode_mono(make_image(pixels[..., ::-1], 'bgr8'))
    np.testing.assert_array_equal(rgb, bgr)
    assert rgb[0, 0] == pytest.approx(pixels[0, 0] @ [0.299, 0.587, 0.114], abs=1)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1', 'mono16', '16UC1'])
def test_labels_keep_their_width(encoding):
    pixels = np.array([[0, 255], [7, 1]], ENCODINGS[encoding].dtype)
    labels = decode_label(make_image(pixels, encoding, padding=2))
    assert labels.dtype == pixels.dtype
    assert labels.tolist() == pixels.tolist()


def test_a_coloured_label_image_is_refused():
    with pytest.raises(MessageError, match=r'rgb8.*holds no class ids'):
        decode_label(make_image(np.zeros((2, 2, 3), np.uint8), 'rgb8'))


@pytest.mark.parametrize('encoding', ['16UC1', '32FC1'])
@pytest.mark.parametrize('decode', [decode_color, decode_mono])
def test_a_depth_image_is_no_colour_image(encoding, decode):
    with pytest.raises(MessageError, match='is a depth image, expected colour'):
        decode(make_image(np.zeros((2, 2), ENCODINGS[encoding].dtype), encoding))


@pytest.mark.parametrize(('change', 'reason'), [
    ({'height': 0}, '4x0 pixels'),
    ({'width': 0}, '0x3 pixels'),
    ({'step': 11}, 'step is 11 bytes but a row of 4 rgb8 pixels has 12'),
    ({'data': bytes(35)}, 'truncated: 35 bytes came.*needs 36'),
    ({'data': b''}, 'truncated: 0 bytes'),
    ({'data': 'text'}, 'str, not a sequence of bytes'),
    ({'width': 2**32 - 1}, 'step is 12 bytes'),
    ({'height': 2**32 - 1}, 'truncated'),
])
def test_malformed_images_name_what_came_and_the_remedy(change, reason):
    msg = make_image(np.zeros((3, 4, 3), np.uint8), 'rgb8')
    with pytest.raises(MessageError, match=reason):
        decode_color(SimpleNamespace(**{**vars(msg), **change}))


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, np.array, list])
def test_data_may_be_of_any_bytes_type(kind):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    msg = make_image(pixels, 'mono8')
    raw = pixels.tobytes()
    msg.data = np.frombuffer(raw, np.uint8) if kind is np.array else kind(raw)
    np.testing.assert_array_equal(decode_image(msg), pixels)


@pytest.mark.parametrize('encoding', FOREIGN)
def test_foreign_encodings_say_what_to_do_without_cv_bridge(encoding, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    msg = make_image(np.zeros((2, 2), np.uint8), encoding)
    for decode in (decode_color, decode_mono):
        with pytest.raises(MessageError, match=r'needs cv_bridge.*publish rgb8'):
            decode(msg)
    with pytest.raises(MessageError, match='is not one of rgb8'):
        decode_image(msg)


class FakeBridge:
    def imgmsg_to_cv2(self, msg, encoding):
        if msg.encoding != 'bayer_rggb8':
            raise RuntimeError('unrecognised encoding')
        return np.full((msg.height, msg.width, 3), 7, np.uint8)


def test_foreign_encodings_go_through_cv_bridge_where_it_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', SimpleNamespace(CvBridge=FakeBridge))
    assert (decode_color(make_image(np.zeros((2, 3), np.uint8), 'bayer_rggb8')) == 7).all()
    with pytest.raises(MessageError, match=r'cv_bridge cannot turn.*nonsense.*unrecognised'):
        decode_color(make_image(np.zeros((2, 3), np.uint8), 'nonsense'))


@pytest.mark.parametrize(('pixels', 'encoding'), [
    (np.zeros((2, 2), np.uint8), 'rgb8'),
    (np.zeros((2, 2, 4), np.uint8), 'rgb8'),
    (np.zeros((2, 2, 1), np.uint8), 'mono8'),
    (np.zeros((2, 2), np.float64), '32FC1'),
    (np.zeros(4, np.uint8), 'mono8'),
    (np.zeros((2, 2), np.uint8), 'bayer_rggb8'),
])
def test_arrays_that_do_not_fit_the_encoding_are_refused(pixels, encoding):
    with pytest.raises(MessageError, match=r'convert it first|use one of these'):
        encode_image(pixels, encoding, None)


@given(
    data=st.binary(max_size=64), height=st.integers(0, 2**32 - 1) | st.integers(0, 5),
    width=st.integers(0, 2**32 - 1) | st.integers(0, 5),
    step=st.integers(0, 2**32 - 1) | st.integers(0, 20), big_endian=st.integers(0, 255),
    encoding=st.sampled_from([*ENCODINGS, *FOREIGN]) | st.text(max_size=5))
def test_no_message_raises_anything_but_message_error(
        data, height, width, step, big_endian, encoding):
    msg = SimpleNamespace(height=height, width=width, encoding=encoding, step=step, data=data,
                          is_bigendian=big_endian)
    for decode in (decode_image, decode_color, decode_mono, decode_label):
        try:
            assert decode(msg).shape[:2] == (height, width)
        except MessageError as error:
            assert len(str(error)) > 20
