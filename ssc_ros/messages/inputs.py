"""Read the images of a camera whichever way they travel: raw or compressed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.messages.compressed import decode_compressed_color, decode_compressed_label
from ssc_ros.messages.compressed_depth import decode_compressed_depth
from ssc_ros.messages.depth import decode_depth
from ssc_ros.messages.images import decode_color, decode_label


def read_color(msg: Any) -> NDArray[np.uint8]:
    """Return an Image or CompressedImage as (H, W, 3) uint8 RGB."""
    return decode_compressed_color(msg) if _is_compressed(msg) else decode_color(msg)


def read_depth(msg: Any) -> NDArray[np.float32]:
    """Return a depth Image or compressedDepth image as (H, W) float32 metres, 0 = missing."""
    return decode_compressed_depth(msg) if _is_compressed(msg) else decode_depth(msg)


def read_label(msg: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return a label Image or PNG CompressedImage as (H, W) uint8 or uint16."""
    return decode_compressed_label(msg) if _is_compressed(msg) else decode_label(msg)


def _is_compressed(msg: Any) -> bool:
    return not hasattr(msg, 'encoding')
