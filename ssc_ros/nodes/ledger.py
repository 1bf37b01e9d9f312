"""What became of every message: used, or dropped for a reason."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Messages since the node started, all counts by name."""

    received: dict[str, int]
    used: dict[str, int]
    dropped: dict[str, int]

    @property
    def pending(self) -> int:
        """Messages neither used nor dropped yet."""
        settled = sum(self.used.values()) + sum(self.dropped.values())
        return sum(self.received.values()) - settled


class Ledger:
    """Counters of one node, safe to use from several threads."""

    def __init__(self, inputs: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._received = Counter(dict.fromkeys(inputs, 0))
        self._used = Counter(dict.fromkeys(self._received, 0))
        self._dropped: Counter[str] = Counter()

    def receive(self, name: str) -> None:
        """Count a message that arrived on an input."""
        with self._lock:
            self._received[name] += 1

    def use(self, names: Iterable[str]) -> None:
        """Count one message of each input as used."""
        with self._lock:
            for name in names:
                self._used[name] += 1

    def drop(self, reason: str, messages: int = 1) -> None:
        """Count messages that were not used."""
        with self._lock:
            self._dropped[reason] += messages

    def totals(self) -> LedgerTotals:
        """Return a consistent copy of all counters."""
        with self._lock:
            return LedgerTotals(dict(self._received), dict(self._used), dict(self._dropped))
