from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import MessageError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import decode_color, decode_label
from ssc_ros.messages.label_images import encode_label_color, encode_label_image, label_overlay

SPACE = load_label_space('nyu12')
LABELS = np.array([[0, 1, 255], [4, 5, 11]], np.uint8)


@pytest.mark.ros
@pytest.mark.parametrize(('dtype', 'encoding'), [(np.uint8, 'mono8'), (np.uint16, 'mono16')])
def test_labels_travel_in_the_smallest_encoding_that_holds_them(dtype, encoding):
    labels = LABELS.astype(dtype)
    msg = encode_label_image(labels, make_header(0, 'camera'))
    assert msg.encoding == encoding
    np.testing.assert_array_equal(decode_label(msg), labels)


@pytest.mark.ros
def test_the_coloured_view_shows_the_colours_of_the_classes():
    picture = decode_color(encode_label_color(LABELS, SPACE, make_header(0, 'camera')))
    assert picture[1, 0].tolist() == SPACE.colors[4].tolist()
    assert picture[0, 2].tolist() == list(SPACE.ignore_color)


def test_the_overlay_leaves_empty_and_unlabelled_pixels_alone():
    picture = np.full((2, 3, 3), 100, np.uint8)
    overlay = label_overlay(picture, LABELS, SPACE, opacity=0.25)
    assert overlay.dtype == np.uint8
    assert overlay[0, 0].tolist() == overlay[0, 2].tolist() == [100, 100, 100]
    np.testing.assert_allclose(overlay[0, 1], 75 + 0.25 * SPACE.colors[1], atol=0.51)
    np.testing.assert_array_equal(label_overlay(picture, LABELS, SPACE, opacity=0), picture)


def test_an_overlay_of_another_size_is_refused():
    with pytest.raises(MessageError, match='resize the labels'):
        label_overlay(np.zeros((4, 4, 3), np.uint8), LABELS, SPACE)
