from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import MessageError
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import encode_image
from ssc_ros.messages.volumes import decode_label_volume, encode_label_volume

VOLUME = np.random.default_rng(0).integers(0, 256, (6, 3, 5), dtype=np.uint8)


@pytest.mark.ros
def test_a_volume_survives_the_way_there_and_back():
    msg = encode_label_volume(VOLUME, make_header(4, 'left'))
    assert (msg.encoding, msg.height, msg.width) == ('mono8', 6, 15)
    assert bytes(msg.data) == VOLUME.tobytes()
    np.testing.assert_array_equal(decode_label_volume(msg, (6, 3, 5)), VOLUME)


@pytest.mark.ros
def test_a_volume_of_another_grid_is_refused():
    msg = encode_label_volume(VOLUME, make_header(4, 'left'))
    with pytest.raises(MessageError, match='must use the same grid'):
        decode_label_volume(msg, (5, 3, 6))
    wide = encode_image(np.zeros((6, 15), np.uint16), 'mono16', make_header(4, 'left'))
    with pytest.raises(MessageError, match='must use the same grid'):
        decode_label_volume(wide, (6, 3, 5))


@pytest.mark.parametrize('labels', [VOLUME[0], VOLUME.astype(np.int64)])
def test_only_byte_volumes_are_encoded(labels):
    with pytest.raises(MessageError, match=r'expected \(X, Y, Z\) uint8'):
        encode_label_volume(labels, None)
