"""Say each problem once, then only every few seconds with a count."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic

REPEAT_PERIOD_S = 5.0


class ThrottledReporter:
    """
    Passes on the first warning of each (reason, topic) and then one per period.

    rclpy throttles per line of code, so that one noisy topic would silence all others.
    """

    def __init__(
        self, log: Callable[[str], object], *, period_s: float = REPEAT_PERIOD_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._log = log
        self._period_s = period_s
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], float] = {}
        self._suppressed: dict[tuple[str, str], int] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """How often each (reason, topic) was reported, logged or not."""
        with self._lock:
            return dict(self._counts)

    def warn(self, reason: str, topic: str, message: str) -> None:
        """Log ``topic: message (reason)`` unless the same pair was logged within the period."""
        key, now = (reason, topic), self._clock()
        with self._lock:
            self._counts[key] += 1
            if now - self._last.get(key, float('-inf')) < self._period_s:
                self._suppressed[key] = self._suppressed.get(key, 0) + 1
                return
            self._last[key] = now
            suppressed = self._suppressed.pop(key, 0)
        repeated = f', {suppressed} more since the last report' if suppressed else ''
        self._log(f'{topic}: {message} ({reason}{repeated})')
