from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.messages.compressed import encode_compressed_image
from ssc_ros.messages.compressed_depth import encode_compressed_depth
from ssc_ros.messages.depth import encode_depth
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import encode_image
from ssc_ros.messages.inputs import read_color, read_depth, read_label

PICTURE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
LABELS = PICTURE[..., 0].copy()
DEPTH_MM = LABELS.astype(np.uint16) * 30


@pytest.mark.ros
def test_raw_and_compressed_images_read_alike():
    header = make_header(0, 'camera')
    for msg in (encode_image(PICTURE, 'rgb8', header),
                encode_compressed_image(PICTURE, header, codec='png')):
        np.testing.assert_array_equal(read_color(msg), PICTURE)
    for msg in (encode_image(LABELS, 'mono8', header),
                encode_compressed_image(LABELS, header, codec='png')):
        np.testing.assert_array_equal(read_label(msg), LABELS)
    depth_m = DEPTH_MM.astype(np.float32) / 1000
    for msg in (encode_image(DEPTH_MM, '16UC1', header), encode_depth(depth_m, header),
                encode_compressed_depth(DEPTH_MM, header)):
        np.testing.assert_allclose(read_depth(msg), depth_m, atol=1e-6)
