"""Counts of what was dropped, by reason."""

from __future__ import annotations

import threading
from collections import Counter


class DropCounter:
    """
    Counts drops by reason; safe to use from several threads.

    >>> drops = DropCounter()
    >>> drops.add('late')
    >>> drops.add('reset', 3)
    >>> drops.total, drops.by_reason()
    (4, {'late': 1, 'reset': 3})
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, reason: str, count: int = 1) -> None:
        """Count drops."""
        with self._lock:
            self._counts[reason] += count

    def by_reason(self) -> dict[str, int]:
        """Return a copy of the counts, reasons that occurred only."""
        with self._lock:
            return {reason: count for reason, count in self._counts.items() if count}

    @property
    def total(self) -> int:
        """Number of drops for any reason."""
        with self._lock:
            return sum(self._counts.values())
