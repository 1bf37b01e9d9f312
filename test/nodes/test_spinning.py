"""Spinning ends quietly when it shall, and tells of every other error."""

from __future__ import annotations

import threading

import pytest

pytestmark = pytest.mark.ros


class Executor:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def spin(self) -> None:
        raise self._error


@pytest.fixture
def compat():
    pytest.importorskip('rclpy')
    from ssc_ros.nodes import compat

    return compat


def test_an_interrupted_conversion_of_a_message_is_no_error(compat, monkeypatch):
    stopped = threading.Event()
    monkeypatch.setattr(compat.rclpy, 'ok', lambda: not stopped.is_set())
    # rclpy's signal handler needs a moment to take the context away.
    timer = threading.Timer(0.1, stopped.set)
    timer.start()
    compat.spin_until_shutdown(Executor(RuntimeError('Unable to convert call argument')))
    timer.join()


def test_an_error_while_all_goes_on_is_raised(compat, monkeypatch):
    monkeypatch.setattr(compat.rclpy, 'ok', lambda: True)
    with pytest.raises(RuntimeError, match='of a callback'):
        compat.spin_until_shutdown(Executor(RuntimeError('of a callback')))
