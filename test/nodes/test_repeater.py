"""Tests of the thread that does one thing again and again."""

from __future__ import annotations

import threading
from time import monotonic

import pytest

pytestmark = pytest.mark.ros


@pytest.fixture
def make_repeater():
    pytest.importorskip('rclpy')
    from ssc_ros.nodes.repeater import Repeater

    made = []

    def make(*arguments, **options):
        made.append(Repeater('test', *arguments, **options))
        return made[-1]

    yield make
    for repeater in made:
        repeater.stop()


def test_it_works_again_and_again_until_it_is_stopped(make_repeater):
    calls = threading.Semaphore(0)
    repeater = make_repeater(calls.release, lambda: 0.001)
    for _ in range(5):
        assert calls.acquire(timeout=10)
    assert repeater.stop()
    while calls.acquire(blocking=False):
        pass
    assert not calls.acquire(timeout=0.05)


def test_a_rest_is_cut_short_by_the_stop(make_repeater):
    repeater = make_repeater(lambda: None, lambda: 60.0)
    started = monotonic()
    assert repeater.stop() and monotonic() - started < 5


def test_work_that_hangs_is_told_of_and_not_waited_for(make_repeater):
    has_begun, may_end = threading.Event(), threading.Event()

    def work():
        has_begun.set()
        may_end.wait(30)

    repeater = make_repeater(work, lambda: 0.0)
    assert has_begun.wait(10)
    assert not repeater.stop()
    may_end.set()
