from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import MessageError
from ssc_ros.messages.headers import make_duration, make_header, split_stamp, stamp_ns


@given(st.integers(-2**31 * 10**9, 2**31 * 10**9 - 1))
def test_stamps_keep_every_nanosecond(value):
    seconds, nanoseconds = split_stamp(value)
    assert 0 <= nanoseconds < 10**9
    assert stamp_ns(SimpleNamespace(sec=seconds, nanosec=nanoseconds)) == value


@pytest.mark.parametrize('value', [2**31 * 10**9, -2**31 * 10**9 - 1, 10**20])
def test_stamps_that_ros_cannot_hold_are_refused(value):
    with pytest.raises(MessageError, match='check the unit'):
        split_stamp(value)


@pytest.mark.ros
def test_headers_and_durations_hold_what_was_asked_for():
    header = make_header(1_700_000_000_123_456_789, 'camera_optical_frame')
    assert stamp_ns(header.stamp) == 1_700_000_000_123_456_789
    assert header.frame_id == 'camera_optical_frame'
    assert stamp_ns(make_duration(2_500_000_000)) == 2_500_000_000
