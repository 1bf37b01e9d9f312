from __future__ import annotations

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import MessageError
from ssc_ros.messages.compressed import (
    compressed_format,
    decode_compressed_color,
    decode_compressed_label,
    encode_compressed_image,
    jpeg_bytes,
    png_bytes,
)
from ssc_ros.messages.headers import make_header

SMOOTH = np.dstack(np.broadcast_arrays(
    np.arange(0, 240, 8)[:, None], np.arange(0, 160, 8)[None], np.array([[50]]))).astype(np.uint8)


def make_message(data, name='jpeg'):
    return SimpleNamespace(format=name, data=np.frombuffer(data, np.uint8))


def test_jpeg_keeps_the_channel_order():
    decoded = decode_compressed_color(make_message(jpeg_bytes(SMOOTH, 95)))
    assert decoded.shape == SMOOTH.shape
    assert np.abs(decoded.astype(int) - SMOOTH).max() < 12


def test_png_is_exact():
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        decode_compressed_color(make_message(png_bytes(noise), 'rgb8; png compressed ')), noise)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_png_labels_keep_their_ids(dtype):
    labels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7)).astype(dtype)
    decoded = decode_compressed_label(make_message(png_bytes(labels), 'mono8; png compressed '))
    assert decoded.dtype == dtype
    np.testing.assert_array_equal(decoded, labels)


def test_grey_jpeg_becomes_rgb():
    decoded = decode_compressed_color(make_message(jpeg_bytes(np.full((8, 8), 99, np.uint8))))
    assert decoded.shape == (8, 8, 3) and abs(int(decoded[0, 0, 2]) - 99) < 3


def test_the_exif_orientation_is_ignored_because_the_calibration_is_of_the_raw_pixels():
    jpeg = jpeg_bytes(SMOOTH)
    tiff = b'II*\0\x08\0\0\0' + struct.pack('<HHHII', 1, 0x0112, 3, 1, 6) + bytes(4)
    exif = b'Exif\0\0' + tiff
    rotated = jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(rotated, np.uint8), cv2.IMREAD_COLOR).shape == (20, 30, 3)
    assert decode_compressed_color(make_message(rotated)).shape == SMOOTH.shape


def test_lossy_or_coloured_labels_are_refused():
    with pytest.raises(MessageError, match='lossy'):
        decode_compressed_label(make_message(jpeg_bytes(np.zeros((4, 4), np.uint8))))
    with pytest.raises(MessageError, match='3 channels, expected one'):
        decode_compressed_label(make_message(png_bytes(SMOOTH), 'png'))


def test_a_depth_topic_is_refused_as_colour():
    with pytest.raises(MessageError, match='is a depth image'):
        decode_compressed_color(make_message(b'', '16UC1; compressedDepth png'))


@pytest.mark.parametrize('encode', [jpeg_bytes, png_bytes])
def test_every_truncation_is_noticed(encode):
    whole = encode(SMOOTH)
    for length in range(len(whole)):
        with pytest.raises(MessageError):
            decode_compressed_color(make_message(whole[:length]))


@pytest.mark.parametrize('encode', [jpeg_bytes, png_bytes])
def test_zeros_behind_the_picture_do_no_harm(encode):
    assert decode_compressed_color(make_message(encode(SMOOTH) + bytes(20))).shape == SMOOTH.shape


def test_a_header_of_gigabytes_is_refused_before_memory_is_reserved():
    png = bytearray(png_bytes(SMOOTH))
    png[16:24] = struct.pack('>II', 2**30, 2**30)
    with pytest.raises(MessageError, match='1073741824x1073741824'):
        decode_compressed_color(make_message(bytes(png)))
    jpeg = bytearray(jpeg_bytes(SMOOTH))
    size = jpeg.index(struct.pack('>HH', *SMOOTH.shape[:2]))
    jpeg[size:size + 4] = b'\xff' * 4
    with pytest.raises(MessageError, match='65535x65535'):
        decode_compressed_color(make_message(bytes(jpeg)))


def flip(data, position, value):
    changed = bytearray(data)
    changed[position % len(changed)] ^= value
    return bytes(changed)


@given(position=st.integers(0, 10**6), value=st.integers(1, 255), is_png=st.booleans())
def test_a_flipped_byte_raises_nothing_but_message_error(position, value, is_png):
    whole = png_bytes(SMOOTH) if is_png else jpeg_bytes(SMOOTH)
    for decode in (decode_compressed_color, decode_compressed_label):
        try:
            decode(make_message(flip(whole, position, value)))
        except MessageError as error:
            assert len(str(error)) > 20


@given(data=st.binary(max_size=80), name=st.text(max_size=8),
       start=st.sampled_from([b'', b'\xff\xd8', b'\x89PNG\r\n\x1a\n']))
def test_random_bytes_raise_message_error(data, name, start):
    for decode in (decode_compressed_color, decode_compressed_label):
        with pytest.raises(MessageError):
            decode(make_message(start + data, name))


@pytest.mark.ros
@pytest.mark.parametrize('codec', ['jpeg', 'png'])
def test_messages_carry_the_format_that_image_transport_writes(codec):
    msg = encode_compressed_image(SMOOTH, make_header(5, 'camera'), codec=codec)
    assert msg.format == f'rgb8; {codec} compressed bgr8'
    assert decode_compressed_color(msg).shape == SMOOTH.shape
    assert compressed_format(np.zeros((2, 2), np.uint16), 'png') == 'mono16; png compressed '


def test_pictures_that_no_codec_takes_are_refused():
    with pytest.raises(MessageError, match='cannot write'):
        jpeg_bytes(np.zeros((4, 4, 7), np.uint8))
    with pytest.raises(MessageError, match='is not jpeg or png'):
        encode_compressed_image(SMOOTH, None, codec='webp')


def test_a_chunk_longer_than_the_file_never_reaches_opencv(monkeypatch):
    """It reserves and clears what the length says: gigabytes for one flipped bit."""
    monkeypatch.setattr(cv2, 'imdecode', None)
    png = bytearray(png_bytes(SMOOTH))
    struct.pack_into('>I', png, png.index(b'IDAT') - 4, 0x7FFFFFFF)
    with pytest.raises(MessageError, match='no end mark'):
        decode_compressed_color(make_message(bytes(png), 'png'))


def test_a_jpeg_cannot_claim_more_pixels_than_its_bytes_can_hold(monkeypatch):
    jpeg = bytearray(jpeg_bytes(SMOOTH))
    struct.pack_into('>HH', jpeg, jpeg.index(b'\xff\xc0') + 5, 8000, 8000)
    monkeypatch.setattr(cv2, 'imdecode', None)
    with pytest.raises(MessageError, match='8000x8000'):
        decode_compressed_color(make_message(bytes(jpeg)))


def test_a_jpeg_of_one_colour_is_no_such_claim():
    plain = np.full((1500, 2000, 3), 77, np.uint8)
    decoded = decode_compressed_color(make_message(jpeg_bytes(plain)))
    assert decoded.shape == plain.shape
