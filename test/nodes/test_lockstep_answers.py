"""The stamp of an answer is found in its bytes."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.ros


def test_stamps_are_read_in_either_byte_order() -> None:
    from ssc_ros.nodes.lockstep_answers import stamp_bytes

    little = b'\0\1\0\0' + (5).to_bytes(4, 'little') + (7).to_bytes(4, 'little') + b'rest'
    big = b'\0\0\0\0' + (5).to_bytes(4, 'big') + (7).to_bytes(4, 'big') + b'rest'
    assert stamp_bytes(little) == stamp_bytes(big) == little[4:12]
