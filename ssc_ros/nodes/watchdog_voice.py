"""Say what a watchdog found: at once when it is new, seldom while it lasts, once when it ends."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Protocol

from ssc_ros.nodes.findings import Finding, Observation

REPEAT_S = 30.0
LONGEST_REPEAT_S = 600.0
SETTLED_S = 2.0


class Logger(Protocol):
    """What is needed of the logger of a node."""

    def info(self, message: str) -> object:
        """Log what is as somebody wanted it."""

    def warning(self, message: str) -> object:
        """Log what is not."""


class WatchdogVoice:
    """
    Logs findings; a lasting fault is repeated at intervals that double up to ten minutes.

    Faults that take turns are a line every two seconds at most, and each of them one in
    ``REPEAT_S``. What is no fault is said once in ten minutes.
    """

    def __init__(
        self, logger: Callable[[], Logger], *, clock: Callable[[], float] = monotonic,
    ) -> None:
        self._logger = logger
        self._clock = clock
        self._said_s: dict[str, float] = {}
        self._repeat_s: dict[str, float] = {}
        self._fault = ''
        self._fault_since_s = 0.0

    def tell(self, finding: Finding | None, observation: Observation) -> None:
        """Log what is new about a finding and the observation that it was made from."""
        now = self._clock()
        if self._fault and (finding is None or not finding.is_fault):
            self._end_fault(now, observation)
        if finding is not None and self._is_due(finding, now):
            self._say(finding, now)

    def _is_due(self, finding: Finding, now: float) -> bool:
        if finding.cause in self._said_s:
            return now - self._said_s[finding.cause] >= self._repeat_s[finding.cause]
        return now - max(self._said_s.values(), default=-SETTLED_S) >= SETTLED_S

    def _say(self, finding: Finding, now: float) -> None:
        cause = finding.cause
        line = f'watchdog: {finding.sentence} ({cause})'
        self._said_s[cause] = now
        if not finding.is_fault:
            self._repeat_s[cause] = LONGEST_REPEAT_S
            self._logger().info(line)
            return
        self._repeat_s[cause] = min(
            2 * self._repeat_s.get(cause, REPEAT_S / 2), LONGEST_REPEAT_S)
        if not self._fault:
            self._fault_since_s = now
        self._fault = cause
        self._logger().warning(line)

    def _end_fault(self, now: float, observation: Observation) -> None:
        """Close a fault when frames come out, or silently when the node was stopped."""
        if observation.is_running:
            self._logger().info(
                f'watchdog: healed after {now - self._fault_since_s:.0f} s, frames come out '
                f'again ({self._fault})')
        if observation.is_running or observation.state != 'active':
            self._repeat_s[self._fault] = REPEAT_S
            self._fault = ''
