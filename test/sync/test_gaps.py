from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.sync.gaps import REMEMBERED, StampGaps


def test_an_input_that_was_never_heard_tells_nothing():
    gaps = StampGaps(['left', 'right'])
    gaps.add('left', 5)
    assert gaps.widest_ns() is None
    assert StampGaps(['alone']).widest_ns() is None


def test_the_worst_input_counts_by_its_nearest_stamps():
    gaps = StampGaps(['a', 'b', 'c'])
    for name, stamps in (('a', (100, 200)), ('b', (103, 190)), ('c', (150, 260))):
        for stamp in stamps:
            gaps.add(name, stamp)
    assert gaps.widest_ns() == 50
    gaps.clear()
    assert gaps.widest_ns() is None


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40), st.integers(0, 10**9))
def test_a_constant_offset_larger_than_the_period_is_no_smaller_than_its_rest(stamps, offset):
    gaps = StampGaps(['a', 'b'])
    for stamp in stamps:
        gaps.add('a', stamp)
        gaps.add('b', stamp + offset)
    recent = stamps[-REMEMBERED:]
    assert gaps.widest_ns() == min(abs(a - b - offset) for a in recent for b in recent)
