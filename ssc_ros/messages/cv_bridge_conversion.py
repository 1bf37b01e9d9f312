"""Image encodings that only cv_bridge knows (Bayer, YUV, NV12...), where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError


def convert_with_cv_bridge(msg: Any, encoding: str) -> NDArray[Any]:
    """
    Convert a sensor_msgs/Image of any encoding that cv_bridge supports.

    Args:
        msg: the image.
        encoding: the wanted encoding, e.g. ``'rgb8'``.

    Raises:
        MessageError: cv_bridge is missing or refuses the message.
    """
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError) as error:  # built for NumPy 1 it fails under NumPy 2
        raise MessageError(
            f'image encoding {msg.encoding!r} needs cv_bridge, which is not usable ({error}): '
            'publish rgb8 or bgr8 (image_proc debayers and converts), or install '
            'ros-$ROS_DISTRO-cv-bridge') from error
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(msg, encoding))
    except Exception as error:  # its errors come from C++ under several names
        raise MessageError(
            f'cv_bridge cannot turn a {msg.width}x{msg.height} image of encoding '
            f'{msg.encoding!r} into {encoding!r} ({error}): publish rgb8 or bgr8') from error
