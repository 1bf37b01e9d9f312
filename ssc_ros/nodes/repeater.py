"""A thread that does one thing again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ssc_ros.nodes.worker import JOIN_TIMEOUT_S


class Repeater:
    """
    Calls ``work``, rests, and calls it again until it is stopped.

    Args:
        name: of the thread.
        work: must not raise.
        rest_s: tells how long to rest.
    """

    def __init__(
        self, name: str, work: Callable[[], None], rest_s: Callable[[], float],
    ) -> None:
        self._work, self._rest_s = work, rest_s
        self._is_stopping = threading.Event()
        # run_node() knows by the name which threads may still compute when the process ends.
        self._thread = threading.Thread(target=self._run, name=f'ssc_{name}', daemon=True)
        self._thread.start()

    def stop(self) -> bool:
        """Return whether the thread ended in time; if not, it ends after its current work."""
        self._is_stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_TIMEOUT_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._is_stopping.wait(self._rest_s()):
            self._work()
