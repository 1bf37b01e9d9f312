"""Messages of one input that wait for partners."""

from __future__ import annotations

from bisect import bisect_left
from typing import Generic, TypeVar

MessageT = TypeVar('MessageT')


class StampQueue(Generic[MessageT]):
    """
    Messages in order of their stamps.

    Attributes:
        newest_ns: greatest stamp seen since the last `forget`, None before the first.
        period_ns: latest distance between a new greatest stamp and the one before.
        used_ns: stamp of the last message taken; nothing at or before it can be used any more.
    """

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self._messages: list[MessageT] = []
        self.newest_ns: int | None = None
        self.period_ns: int | None = None
        self.used_ns: int | None = None

    def __len__(self) -> int:
        return len(self.stamps)

    def insert(self, stamp_ns: int, message: MessageT) -> None:
        """Add a message whose stamp is not waiting yet."""
        position = bisect_left(self.stamps, stamp_ns)
        self.stamps.insert(position, stamp_ns)
        self._messages.insert(position, message)
        if self.newest_ns is None or stamp_ns > self.newest_ns:
            if self.newest_ns is not None:
                self.period_ns = stamp_ns - self.newest_ns
            self.newest_ns = stamp_ns

    def holds(self, stamp_ns: int) -> bool:
        """Whether a message of this stamp waits."""
        position = bisect_left(self.stamps, stamp_ns)
        return position < len(self.stamps) and self.stamps[position] == stamp_ns

    def nearest(self, stamp_ns: int) -> int | None:
        """Return the waiting stamp nearest to a given one, the older of two equally near."""
        position = bisect_left(self.stamps, stamp_ns)
        around = self.stamps[max(position - 1, 0):position + 1]
        return min(around, key=lambda stamp: abs(stamp - stamp_ns), default=None)

    def take(self, stamp_ns: int) -> tuple[MessageT, int]:
        """Remove a waiting message; return it and the number of older ones removed with it."""
        position = bisect_left(self.stamps, stamp_ns)
        message = self._messages[position]
        self.remove_first(position + 1)
        self.used_ns = stamp_ns
        return message, position

    def remove_first(self, count: int) -> int:
        """Remove the oldest messages and return their number."""
        del self.stamps[:count], self._messages[:count]
        return count

    def remove_before(self, stamp_ns: int) -> int:
        """Remove all messages older than a stamp and return their number."""
        return self.remove_first(bisect_left(self.stamps, stamp_ns))

    def forget(self) -> int:
        """Remove everything, history included; return the number of messages removed."""
        removed = self.remove_first(len(self))
        self.newest_ns = self.period_ns = self.used_ns = None
        return removed
