"""Tests of the queue of one input."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.sync.queue import StampQueue

stamps = st.lists(st.integers(1, 50), min_size=1, max_size=20, unique=True)


def filled(values: list[int]) -> StampQueue[str]:
    queue: StampQueue[str] = StampQueue()
    for value in values:
        queue.insert(value, f'at {value}')
    return queue


@given(stamps)
def test_stamps_stay_sorted_and_keep_their_messages(values: list[int]) -> None:
    queue = filled(values)
    assert queue.stamps == sorted(values)
    assert all(queue.holds(value) == (value in values) for value in range(52))
    assert [queue.take(value)[0] for value in sorted(values)] == [
        f'at {value}' for value in sorted(values)]


@given(stamps, st.integers(-5, 60))
def test_the_nearest_is_the_nearest_of_all(values: list[int], stamp: int) -> None:
    expected = min(sorted(values), key=lambda value: abs(value - stamp))
    assert filled(values).nearest(stamp) == expected


@given(stamps, st.integers(0, 19))
def test_taking_one_removes_the_older_ones(values: list[int], index: int) -> None:
    queue, ordered = filled(values), sorted(values)
    index = min(index, len(values) - 1)
    assert queue.take(ordered[index]) == (f'at {ordered[index]}', index)
    assert queue.stamps == ordered[index + 1:]
    assert queue.used_ns == ordered[index]


def test_the_period_is_the_last_step_forward() -> None:
    assert filled([10, 20, 35, 30]).period_ns == 15


def test_an_empty_queue_has_no_nearest() -> None:
    assert StampQueue[str]().nearest(3) is None


def test_forgetting_forgets_the_history_too() -> None:
    queue = filled([10, 20])
    queue.take(10)
    assert queue.forget() == 1
    assert (queue.newest_ns, queue.period_ns, queue.used_ns) == (None, None, None)
