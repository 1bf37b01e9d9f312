"""Tests of the drop counter."""

from __future__ import annotations

import threading

from ssc_ros.sync import DropCounter


def test_drops_are_counted_by_reason() -> None:
    drops = DropCounter()
    drops.add('late')
    drops.add('reset', 5)
    drops.add('late')
    assert drops.by_reason() == {'late': 2, 'reset': 5}
    assert drops.total == 7


def test_reasons_that_never_occurred_are_left_out() -> None:
    drops = DropCounter()
    drops.add('late', 0)
    assert drops.by_reason() == {}


def test_the_copy_does_not_change_later() -> None:
    drops = DropCounter()
    drops.add('late')
    copy = drops.by_reason()
    drops.add('late')
    assert copy == {'late': 1}


def test_threads_lose_no_count() -> None:
    drops = DropCounter()
    threads = [threading.Thread(target=lambda: [drops.add('late') for _ in range(2000)])
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drops.total == 8000
