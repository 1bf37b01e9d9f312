"""Stamps and headers: builtin_interfaces/Time and std_msgs/Header to and from nanoseconds."""

from __future__ import annotations

from typing import Any

from ssc_ros.errors import MessageError
from ssc_ros.messages.classes import new_message

NANOSECONDS_PER_SECOND = 1_000_000_000


def stamp_ns(stamp: Any) -> int:
    """Return a Time or Duration message, e.g. ``msg.header.stamp``, in nanoseconds."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


def split_stamp(stamp_ns: int) -> tuple[int, int]:
    """
    Split nanoseconds into the fields ``sec`` (int32) and ``nanosec`` (uint32, below 10^9).

    >>> split_stamp(-1)
    (-1, 999999999)
    """
    seconds, nanoseconds = divmod(int(stamp_ns), NANOSECONDS_PER_SECOND)
    if not -2**31 <= seconds < 2**31:
        raise MessageError(
            f'stamp {stamp_ns} ns does not fit into the 32-bit seconds of a ROS Time: '
            'stamps are nanoseconds since 1970, check the unit')
    return seconds, nanoseconds


def make_stamp(stamp_ns: int) -> Any:
    """Return a builtin_interfaces/Time."""
    seconds, nanoseconds = split_stamp(stamp_ns)
    return new_message('builtin_interfaces/Time', sec=seconds, nanosec=nanoseconds)


def make_duration(duration_ns: int) -> Any:
    """Return a builtin_interfaces/Duration."""
    seconds, nanoseconds = split_stamp(duration_ns)
    return new_message('builtin_interfaces/Duration', sec=seconds, nanosec=nanoseconds)


def make_header(stamp_ns: int, frame_id: str) -> Any:
    """Return a std_msgs/Header."""
    return new_message('std_msgs/Header', stamp=make_stamp(stamp_ns), frame_id=frame_id)
