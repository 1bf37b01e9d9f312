from __future__ import annotations

import threading

import pytest

from ssc_ros.nodes.worker import Worker


@pytest.fixture
def slow_worker():
    """Return a worker that waits for ``go`` before each item ends, and what it did."""
    started, go = threading.Semaphore(0), threading.Semaphore(0)
    done, lost = [], []

    def process(item):
        started.release()
        go.acquire()
        done.append(item)

    worker = Worker(process, lambda reason, item: lost.append((reason, item)))
    yield worker, started, go, done, lost
    for _ in range(10):
        go.release()
    worker.stop()


def test_while_it_works_only_the_newest_item_waits(slow_worker):
    worker, started, go, done, lost = slow_worker
    worker.put(1)
    assert started.acquire(timeout=5)
    for item in (2, 3, 4):
        worker.put(item)
    go.release()
    assert started.acquire(timeout=5)
    go.release()
    go.release()
    assert worker.stop()
    assert done == [1, 4] and lost == [('superseded', 2), ('superseded', 3)]


def test_stopping_hands_back_what_waits_and_refuses_more(slow_worker):
    worker, started, _, done, lost = slow_worker
    worker.put(1)
    assert started.acquire(timeout=5)
    worker.put(2)
    assert not worker.stop() and worker.is_stopping
    worker.put(3)
    assert lost == [('stopped', 2), ('stopped', 3)] and done == []


def test_an_idle_worker_stops_at_once():
    worker = Worker(print, print)
    assert worker.stop()
