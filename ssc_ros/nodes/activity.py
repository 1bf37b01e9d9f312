"""What a flow lately did, for those who watch it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from ssc_ros.nodes.refusals import RefusedInputError
from ssc_ros.sync.gaps import StampGaps


@dataclass(frozen=True, slots=True)
class Activity:
    """
    A moment of a flow; times are monotonic seconds, None = never.

    Attributes:
        heard_s: when the last image of each input that was heard arrived.
        frame_ids: optical frame of the last image of each input that was heard.
        gap_ns: distance of stamps that should match; see ``StampGaps.widest_ns``.
        finished_s: when the last frame was published.
        computing_since_s: when the work on the present frame began, None = it waits for images.
        refusal: the last one after the last frame was published.
        refused: number of refusals since then.
    """

    heard_s: dict[str, float]
    frame_ids: dict[str, str]
    gap_ns: int | None
    finished_s: float | None
    computing_since_s: float | None
    refusal: RefusedInputError | None
    refused: int


class ActivityRecord:
    """Notes of the executor and the worker thread; each takes microseconds."""

    def __init__(
        self, inputs: Sequence[str], *, clock: Callable[[], float] = monotonic,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._gaps = StampGaps(inputs)
        self._heard_s: dict[str, float] = {}
        self._frame_ids: dict[str, str] = {}
        self._finished_s: float | None = None
        self._computing_since_s: float | None = None
        self._refusal: RefusedInputError | None = None
        self._refused = 0

    def hear(self, name: str, stamp_ns: int, frame_id: str) -> None:
        """Note an image."""
        with self._lock:
            self._heard_s[name] = self._clock()
            self._frame_ids[name] = frame_id
            if stamp_ns > 0:  # a stamp that is missing is refused, and no gap
                self._gaps.add(name, stamp_ns)

    def begin(self) -> None:
        """Note that the work on a frame begins."""
        with self._lock:
            self._computing_since_s = self._clock()

    def end(self) -> None:
        """Note that the work on it is over, whatever came of it."""
        with self._lock:
            self._computing_since_s = None

    def finish(self) -> None:
        """Note that a frame was published."""
        with self._lock:
            self._finished_s = self._clock()
            self._refusal, self._refused = None, 0

    def refuse(self, refusal: RefusedInputError) -> None:
        """Note that an image or a set was refused."""
        # Without its traceback, which would keep the frame and the network alive.
        kept = RefusedInputError(refusal.reason, refusal.topic, str(refusal))
        with self._lock:
            self._refusal, self._refused = kept, self._refused + 1

    def clear(self) -> None:
        """Forget what was heard and refused."""
        with self._lock:
            self._gaps.clear()
            self._heard_s, self._frame_ids = {}, {}
            self._refusal, self._refused = None, 0

    def now(self) -> Activity:
        """Return a consistent copy."""
        with self._lock:
            return Activity(
                dict(self._heard_s), dict(self._frame_ids), self._gaps.widest_ns(),
                self._finished_s, self._computing_since_s, self._refusal, self._refused)
