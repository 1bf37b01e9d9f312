"""Hand-over of the newest item to a worker thread."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

ItemT = TypeVar('ItemT')


class Mailbox(Generic[ItemT]):
    """
    One slot in which the newest item wins, so that a slow worker always works on fresh data.

    No lock is held while the worker works: what it does, or raises, cannot block `put`. Items must
    not be None.

    >>> mailbox = Mailbox()
    >>> mailbox.put('old'), mailbox.put('new'), mailbox.get(timeout=0)
    (None, 'old', 'new')
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: ItemT | None = None
        self._is_closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Number of items put in that were never taken out."""
        with self._condition:
            return self._dropped

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        with self._condition:
            return self._is_closed

    def put(self, item: ItemT) -> ItemT | None:
        """
        Leave an item and return at once.

        Returns:
            The item that will never be taken: the one superseded, or after `close` the one
            given. None where there is none.
        """
        with self._condition:
            if self._is_closed:
                self._dropped += 1
                return item
            superseded, self._item = self._item, item
            self._dropped += superseded is not None
            self._condition.notify()
            return superseded

    def get(self, timeout: float | None = None) -> ItemT | None:
        """
        Take the item, waiting for one.

        Args:
            timeout: seconds to wait at most; None waits until there is one.

        Returns:
            None if time is up or the mailbox is closed.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._is_closed, timeout)
            item, self._item = self._item, None
            return item

    def close(self) -> ItemT | None:
        """Wake up everyone who waits, for good; return the item that nobody will take."""
        with self._condition:
            self._is_closed = True
            waiting, self._item = self._item, None
            self._dropped += waiting is not None
            self._condition.notify_all()
            return waiting
