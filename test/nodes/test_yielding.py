"""Tests of the thread that leaves the CPU to others."""

from __future__ import annotations

import os
import sys
import threading

import pytest

pytestmark = pytest.mark.ros


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != 'linux', reason='priorities of threads are those of Linux')
def test_the_thread_yields_the_cpu_alone():
    pytest.importorskip('rclpy')
    from ssc_ros.nodes.yielding import yielding_thread

    before = priority()
    thread = yielding_thread('test', before + 5)
    assert thread.submit(priority).result(10) == before + 5
    assert priority() == before
    thread.shutdown()


def test_its_name_tells_who_it_is():
    pytest.importorskip('rclpy')
    from ssc_ros.nodes.yielding import yielding_thread

    thread = yielding_thread('test', 0)
    assert thread.submit(lambda: threading.current_thread().name).result(10).startswith('ssc_')
    thread.shutdown()
