"""Durations of processing stages over a sliding window."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, perf_counter

import numpy as np

WINDOW_S = 10.0


@dataclass(frozen=True, slots=True)
class StageSummary:
    """Durations of one stage in milliseconds."""

    count: int
    p50: float
    p95: float
    maximum: float


class Stopwatch:
    """Durations of the stages of one frame, in milliseconds by stage."""

    def __init__(self) -> None:
        self.durations_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        started = perf_counter()
        yield
        self.durations_ms[name] = (perf_counter() - started) * 1000


class StageTimings:
    """Keeps what was measured within the last seconds; safe to use from several threads."""

    def __init__(
        self, *, window_s: float = WINDOW_S, clock: Callable[[], float] = monotonic,
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[str, deque[tuple[float, float]]] = {}

    def record(self, durations_ms: Mapping[str, float]) -> None:
        """Add one duration per stage."""
        now = self._clock()
        with self._lock:
            for stage, duration_ms in durations_ms.items():
                samples = self._samples.setdefault(stage, deque())
                samples.append((now, duration_ms))
                self._forget_old(samples, now)

    def summary(self) -> dict[str, StageSummary]:
        """Return the figures of every stage that ran within the window."""
        now = self._clock()
        with self._lock:
            for samples in self._samples.values():
                self._forget_old(samples, now)
            windows = {stage: [value for _, value in samples]
                       for stage, samples in self._samples.items() if samples}
        return {stage: _summarize(values) for stage, values in windows.items()}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._samples.clear()

    def _forget_old(self, samples: deque[tuple[float, float]], now: float) -> None:
        while samples and samples[0][0] < now - self._window_s:
            samples.popleft()


def _summarize(values: list[float]) -> StageSummary:
    p50, p95, maximum = np.percentile(values, [50, 95, 100])
    return StageSummary(len(values), float(p50), float(p95), float(maximum))
