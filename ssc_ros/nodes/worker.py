"""The thread that computes while the executor keeps receiving."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ssc_ros.nodes.refusals import STOPPED, SUPERSEDED
from ssc_ros.sync import Mailbox

ItemT = TypeVar('ItemT')
JOIN_TIMEOUT_S = 0.9


class Worker(Generic[ItemT]):
    """
    Processes the newest item, one at a time; an older one that still waits is discarded.

    Args:
        process: called in the thread of the worker; must not raise.
        discard: called with the reason and each item that will not be processed.
    """

    def __init__(
        self, process: Callable[[ItemT], None], discard: Callable[[str, ItemT], None],
    ) -> None:
        self._process = process
        self._discard = discard
        self._mailbox: Mailbox[ItemT] = Mailbox()
        self._is_stopping = threading.Event()
        # run_node() knows by the name which threads may still compute when the process ends.
        self._thread = threading.Thread(target=self._run, name='ssc_worker', daemon=True)
        self._thread.start()

    @property
    def is_stopping(self) -> bool:
        """The results of the current item are no longer wanted."""
        return self._is_stopping.is_set()

    def put(self, item: ItemT) -> None:
        """Offer an item; returns at once."""
        lost = self._mailbox.put(item)
        if lost is not None:
            self._discard(STOPPED if self.is_stopping else SUPERSEDED, lost)

    def stop(self) -> bool:
        """Return whether the thread ended in time; if not, it ends after its current item."""
        self._is_stopping.set()
        waiting = self._mailbox.close()
        if waiting is not None:
            self._discard(STOPPED, waiting)
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_TIMEOUT_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.is_stopping:
            item = self._mailbox.get(timeout=None)
            if item is not None:
                self._process(item)
