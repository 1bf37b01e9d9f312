"""Tests of the newest-wins mailbox."""

from __future__ import annotations

import threading
import time

import pytest

from ssc_ros.sync import Mailbox


def test_the_newest_item_wins_and_the_older_is_returned_and_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put(1), mailbox.put(2), mailbox.put(3)] == [None, 1, 2]
    assert mailbox.get(timeout=0) == 3
    assert mailbox.dropped == 2


def test_an_item_is_taken_once() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    assert [mailbox.get(timeout=0), mailbox.get(timeout=0)] == [1, None]


def test_get_waits_no_longer_than_its_timeout() -> None:
    started = time.monotonic()
    assert Mailbox[int]().get(timeout=0.05) is None
    assert time.monotonic() - started >= 0.05


def test_get_wakes_up_for_an_item() -> None:
    mailbox: Mailbox[int] = Mailbox()
    threading.Timer(0.05, mailbox.put, [7]).start()
    assert mailbox.get(timeout=30) == 7


def test_close_wakes_up_everyone_who_waits() -> None:
    mailbox: Mailbox[int] = Mailbox()
    results: list[int | None] = []
    waiting = [threading.Thread(target=lambda: results.append(mailbox.get())) for _ in range(3)]
    for thread in waiting:
        thread.start()
    assert mailbox.close() is None
    for thread in waiting:
        thread.join(30)
    assert results == [None, None, None]
    assert mailbox.is_closed


def test_a_closed_mailbox_returns_what_it_cannot_deliver() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    assert mailbox.close() == 1
    assert mailbox.put(2) == 2
    assert mailbox.get() is None
    assert mailbox.dropped == 2


def test_a_worker_that_raises_blocks_nobody() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    with pytest.raises(ZeroDivisionError):
        1 // (mailbox.get(timeout=0) - 1)  # type: ignore[operator]
    assert mailbox.put(2) is None
    assert mailbox.get(timeout=0) == 2


def test_a_slow_worker_sees_rising_items_and_every_item_is_accounted_for() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def work() -> None:
        while (item := mailbox.get()) is not None:
            taken.append(item)
            time.sleep(0.001)

    worker = threading.Thread(target=work)
    worker.start()
    superseded = [item for item in map(mailbox.put, range(1, 2001)) if item is not None]
    while not taken or taken[-1] != 2000:
        time.sleep(0.001)
    mailbox.close()
    worker.join(30)
    assert taken == sorted(set(taken))
    assert sorted(taken + superseded) == list(range(1, 2001))
    assert mailbox.dropped == len(superseded)
