"""Import ROS message classes when they are first needed, so that decoding works without ROS."""

from __future__ import annotations

from array import array
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError


@lru_cache(maxsize=64)
def message_class(name: str) -> Any:
    """
    Return the class of a message type such as ``'sensor_msgs/Image'``.

    Raises:
        MessageError: the message package is not installed.
    """
    package, _, message_type = name.partition('/')
    try:
        return getattr(import_module(f'{package}.msg'), message_type)
    except ImportError as error:
        raise MessageError(
            f'cannot build a {name} message because {package} is not installed ({error}): source '
            f'a ROS 2 installation or pip install ros-{package.replace("_", "-")}') from error


def new_message(type_name: str, /, **fields: Any) -> Any:
    """Return a new message, e.g. of ``'sensor_msgs/Image'``, with ``fields`` set."""
    return message_class(type_name)(**fields)


def byte_array(values: NDArray[Any] | bytes | memoryview) -> array[int]:
    """Return raw bytes as ``array('B')``, the type that every rclpy assigns without a copy."""
    data = array('B')
    if isinstance(values, np.ndarray):
        values = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    data.frombytes(values)
    return data


def as_bytes(data: Any) -> NDArray[np.uint8]:
    """
    View the ``uint8[]`` field of a message as a flat uint8 array, without a copy where possible.

    rclpy holds such fields as ``array.array`` (or ``bytes``), rosbags as NumPy arrays.
    """
    try:
        if isinstance(data, np.ndarray):
            return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        if isinstance(data, (list, tuple)):
            data = bytes(data)
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError) as error:
        raise MessageError(
            f'data is a {type(data).__name__}, not a sequence of bytes ({error}): '
            'pass the message as rclpy or rosbags delivered it') from error
