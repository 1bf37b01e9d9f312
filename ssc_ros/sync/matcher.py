"""Matching of messages from several inputs by their stamps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from ssc_ros.errors import ConfigurationError
from ssc_ros.sync.drops import DropCounter
from ssc_ros.sync.queue import StampQueue

MessageT = TypeVar('MessageT')

MILLISECOND_NS = 1_000_000
# Older than what its input delivered before by more than this: not disorder, but a bag that loops
# or a clock that was set.
BACKWARDS_NS = 1_000 * MILLISECOND_NS

NO_STAMP, DUPLICATE, LATE = 'no_stamp', 'duplicate', 'late'
UNMATCHED, SUPERSEDED = 'unmatched', 'superseded'
OVERFLOW, EXPIRED, RESET, CLEARED = 'overflow', 'expired', 'reset', 'cleared'


@dataclass(frozen=True, slots=True)
class InputCounts:
    """What became of the messages of one input: pushed = matched + dropped + pending."""

    pushed: int
    matched: int
    dropped: Mapping[str, int]
    pending: int


class _Verdict(Enum):
    """Whether a pivot has its partner in an input."""

    FOUND = 'found'
    WAITING = 'waiting'
    HOPELESS = 'hopeless'


class NearestStampMatcher(Generic[MessageT]):
    """
    Finds for each message of a pivot input the nearest one of every other input.

    A set is returned as soon as no message can be expected that would be nearer; sets come in
    order, and no message is part of two. Every message that is part of none is counted with a
    reason: `no_stamp` (zero or negative), `duplicate` (stamp seen before), `late` (older than one
    already used), `unmatched` (a pivot without partner), `superseded` (passed over by a newer
    one), `expired` and `overflow` (waited too long, too many waited), `reset` (stamps jumped back
    by more than a second), `cleared`.

    Safe to use from several threads; sets are returned, not called back, so no lock is held while
    anybody works on them.

    Args:
        inputs: names.
        pivot: the one of them whose stamps the others are compared with.
        tolerance_ns: greatest distance between a pivot and a partner.
        max_age_ns: a message this much older than the newest of all inputs no longer waits.
        max_waiting: messages of one input that may wait.
        on_drop: told reason and number of every drop but those of `clear`.

    >>> matcher = NearestStampMatcher(['left', 'right'], 'left')
    >>> matcher.push('left', 1_000_000_000, 'L')
    []
    >>> matcher.push('right', 1_000_300_000, 'R')
    [{'left': 'L', 'right': 'R'}]
    """

    def __init__(
        self, inputs: Sequence[str], pivot: str, tolerance_ns: int = 20 * MILLISECOND_NS, *,
        max_age_ns: int = 1_000 * MILLISECOND_NS, max_waiting: int = 30,
        on_drop: Callable[[str, int], None] | None = None,
    ) -> None:
        if pivot not in inputs or len(set(inputs)) != len(inputs):
            raise ConfigurationError(
                f'inputs {list(inputs)} must be different and contain the pivot {pivot!r}')
        if max_age_ns <= 0 or max_waiting < 1:
            raise ConfigurationError(
                f'max age {max_age_ns} ns and max_waiting {max_waiting} must be positive')
        self._pivot = pivot
        self._max_age_ns, self._max_waiting = max_age_ns, max_waiting
        self._on_drop = on_drop
        self._queues: dict[str, StampQueue[MessageT]] = {name: StampQueue() for name in inputs}
        self._pushed = dict.fromkeys(inputs, 0)
        self._matched = dict.fromkeys(inputs, 0)
        self._drops = {name: DropCounter() for name in inputs}
        self._resets = 0
        self._fresh_drops: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self.set_tolerance(tolerance_ns)

    def set_tolerance(self, tolerance_ns: int) -> None:
        """
        Change the tolerance; what waits is judged by it with the next message.

        Raises:
            ConfigurationError: it is negative.
        """
        if tolerance_ns < 0:
            raise ConfigurationError(f'tolerance {tolerance_ns} ns must not be negative')
        with self._lock:
            self._tolerance_ns = tolerance_ns

    @property
    def resets(self) -> int:
        """How often stamps jumped back."""
        with self._lock:
            return self._resets

    def counts(self, name: str) -> InputCounts:
        """Return what became of the messages of an input so far."""
        with self._lock:
            return InputCounts(
                self._pushed[name], self._matched[name], self._drops[name].by_reason(),
                len(self._queues[name]))

    def push(
        self, name: str, stamp_ns: int, message: MessageT,
    ) -> list[Mapping[str, MessageT]]:
        """Add a message; return the sets that are complete now, mostly none or one."""
        with self._lock:
            sets = self._push(name, stamp_ns, message)
            drops, self._fresh_drops = self._fresh_drops, []
        if self._on_drop is not None:
            for reason, count in drops:
                self._on_drop(reason, count)
        return sets

    def clear(self) -> int:
        """Forget everything that waits and return its number; `on_drop` is not told."""
        with self._lock:
            removed = 0
            for name, queue in self._queues.items():
                count = queue.forget()
                self._drops[name].add(CLEARED, count)
                removed += count
            return removed

    def _push(
        self, name: str, stamp_ns: int, message: MessageT,
    ) -> list[Mapping[str, MessageT]]:
        self._pushed[name] += 1
        queue = self._queues[name]
        if stamp_ns <= 0:
            return self._refuse(name, NO_STAMP)
        if queue.newest_ns is not None and stamp_ns < queue.newest_ns - BACKWARDS_NS:
            self._reset()
        if queue.holds(stamp_ns) or stamp_ns == queue.used_ns:
            return self._refuse(name, DUPLICATE)
        if queue.used_ns is not None and stamp_ns < queue.used_ns:
            return self._refuse(name, LATE)
        queue.insert(stamp_ns, message)
        self._limit_waiting(name)
        return self._complete_sets()

    def _refuse(self, name: str, reason: str) -> list[Mapping[str, MessageT]]:
        self._drop(name, reason, 1)
        return []

    def _drop(self, name: str, reason: str, count: int) -> None:
        if count:
            self._drops[name].add(reason, count)
            self._fresh_drops.append((reason, count))

    def _reset(self) -> None:
        self._resets += 1
        for name, queue in self._queues.items():
            self._drop(name, RESET, queue.forget())

    def _limit_waiting(self, name: str) -> None:
        queue = self._queues[name]
        self._drop(name, OVERFLOW, queue.remove_first(max(0, len(queue) - self._max_waiting)))
        newest = max(queue.newest_ns or 0 for queue in self._queues.values())
        for other, queue in self._queues.items():
            self._drop(other, EXPIRED, queue.remove_before(newest - self._max_age_ns))

    def _complete_sets(self) -> list[Mapping[str, MessageT]]:
        """Settle pivots from the oldest on, until one has to wait."""
        sets: list[Mapping[str, MessageT]] = []
        pivots = self._queues[self._pivot]
        while pivots.stamps:
            pivot_ns = pivots.stamps[0]
            verdicts = {name: self._seek(queue, pivot_ns)
                        for name, queue in self._queues.items() if name != self._pivot}
            if any(verdict is _Verdict.HOPELESS for verdict, _ in verdicts.values()):
                self._drop(self._pivot, UNMATCHED, pivots.remove_first(1))
            elif any(verdict is _Verdict.WAITING for verdict, _ in verdicts.values()):
                break
            else:
                partners = {name: stamp for name, (_, stamp) in verdicts.items()}
                sets.append(self._take({self._pivot: pivot_ns, **partners}))
        return sets

    def _take(self, stamps: Mapping[str, int]) -> Mapping[str, MessageT]:
        matched = {}
        for name in self._queues:
            matched[name], passed_over = self._queues[name].take(stamps[name])
            self._matched[name] += 1
            self._drop(name, SUPERSEDED, passed_over)
        return matched

    def _seek(self, queue: StampQueue[MessageT], pivot_ns: int) -> tuple[_Verdict, int]:
        """Look for the partner of the oldest pivot; the stamp counts only if one is found."""
        candidate_ns = queue.nearest(pivot_ns)
        if candidate_ns is None or abs(candidate_ns - pivot_ns) > self._tolerance_ns:
            has_passed = (queue.newest_ns or 0) > pivot_ns + self._tolerance_ns
            return (_Verdict.HOPELESS if has_passed else _Verdict.WAITING), 0
        distance_ns = abs(candidate_ns - pivot_ns)
        pivots = self._queues[self._pivot]
        if len(pivots) > 1:
            belongs_to_next = abs(candidate_ns - pivots.stamps[1]) < distance_ns
            return (_Verdict.HOPELESS if belongs_to_next else _Verdict.FOUND), candidate_ns
        # Nothing newer is known of one side: wait if, at its pace, a nearer match is to come.
        newer, pace_ns = (pivots, candidate_ns) if candidate_ns > pivot_ns else (queue, pivot_ns)
        if newer.period_ns is not None and newer.newest_ns is not None and (
                abs(newer.newest_ns + newer.period_ns - pace_ns) < distance_ns):
            return _Verdict.WAITING, candidate_ns
        return _Verdict.FOUND, candidate_ns
