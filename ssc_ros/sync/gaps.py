"""How far the stamps of several inputs lie apart, for whoever asks why nothing matches."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

REMEMBERED = 10


class StampGaps:
    """
    The newest stamps of every input.

    >>> gaps = StampGaps(['left', 'right'])
    >>> gaps.add('left', 1_000), gaps.add('right', 1_400), gaps.add('left', 2_000)
    (None, None, None)
    >>> gaps.widest_ns()
    400
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        self._pivot = inputs[0]
        self._stamps: dict[str, deque[int]] = {
            name: deque(maxlen=REMEMBERED) for name in inputs}

    def add(self, name: str, stamp_ns: int) -> None:
        """Remember the stamp of a message."""
        self._stamps[name].append(stamp_ns)

    def widest_ns(self) -> int | None:
        """
        Return the distance that keeps sets from being complete.

        For each input it is the one between its nearest stamps and those of the first input; of
        these the greatest counts. None as long as an input has not been heard.
        """
        pivots = list(self._stamps[self._pivot])
        others = [list(stamps) for name, stamps in self._stamps.items() if name != self._pivot]
        if not pivots or not all(others):
            return None
        return max((min(abs(stamp - pivot) for stamp in stamps for pivot in pivots)
                    for stamps in others), default=None)

    def clear(self) -> None:
        """Forget all stamps."""
        for stamps in self._stamps.values():
            stamps.clear()
