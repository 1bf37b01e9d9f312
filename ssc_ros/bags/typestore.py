"""Message types and CDR without ROS, through the rosbags library."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

from ssc_ros.errors import ConfigurationError, MessageError


def require_rosbags() -> None:
    """Raise ConfigurationError with the remedy where rosbags is not installed."""
    try:
        import rosbags.rosbag2  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f'reading and writing bags needs the rosbags library ({error}): pip install rosbags'
        ) from error


@lru_cache(maxsize=1)
def typestore() -> Any:
    """Return the message types of ROS 2 Humble; the ones used here never changed since."""
    require_rosbags()
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_HUMBLE)


def full_type_name(type_name: str) -> str:
    """
    Return the long form of a message type.

    >>> full_type_name('sensor_msgs/Image')
    'sensor_msgs/msg/Image'
    """
    package, _, name = type_name.rpartition('/')
    return f'{package.removesuffix("/msg")}/msg/{name}'


def is_known(type_name: str) -> bool:
    """Tell whether ROS 2 itself defines a message type, so that bags can describe it."""
    return full_type_name(type_name) in typestore().types


def build(type_name: str, /, **fields: Any) -> Any:
    """Return a new message, e.g. of ``'sensor_msgs/Image'``; every field must be given."""
    return typestore().types[full_type_name(type_name)](**fields)


def serialize(message: Any) -> bytes:
    """Return the CDR bytes of a message that ``build`` or ``deserialize`` made."""
    return bytes(typestore().serialize_cdr(message, message.__msgtype__))


def deserialize(data: bytes, type_name: str, definition: str = '') -> Any:
    """
    Return the message in CDR bytes.

    Args:
        type_name: its type, long or short.
        definition: text of its .msg file, for types that ROS 2 itself lacks.

    Raises:
        MessageError: unknown type, or truncated or corrupt bytes.
    """
    name = full_type_name(type_name)
    store = typestore()
    if name not in store.types and definition:
        from rosbags.typesys import get_types_from_msg

        store.register(get_types_from_msg(definition, name))
    if name not in store.types:
        raise MessageError(
            f'message type {name} is unknown and its bag holds no definition: record the bag '
            'again with a current ros2 bag')
    try:
        return store.deserialize_cdr(data, name)
    except (AssertionError, IndexError, KeyError, ValueError, struct.error) as error:
        raise MessageError(
            f'{len(data)} bytes are no {name} ({error!r}): the message is truncated or corrupt'
        ) from error
    except Exception as error:
        if type(error).__module__.startswith('rosbags.'):
            raise MessageError(f'{len(data)} bytes are no {name} ({error})') from error
        raise
