"""Pair messages of two topics that carry equal stamps."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

ItemT = TypeVar('ItemT')
CAPACITY = 100


class StampPairs(Generic[ItemT]):
    """
    Waits for partners; the oldest of too many waiting items are given up.

    Attributes:
        unmatched: items given up so far, by side.
    """

    def __init__(self, sides: tuple[str, str], capacity: int = CAPACITY) -> None:
        self._waiting: dict[str, OrderedDict[int, ItemT]] = {side: OrderedDict() for side in sides}
        self._capacity = capacity
        self.unmatched = dict.fromkeys(sides, 0)

    def add(self, side: str, stamp_ns: int, item: ItemT) -> tuple[ItemT, ItemT] | None:
        """Return the pair in the order of the sides when ``item`` completes one."""
        first, second = self._waiting
        other = second if side == first else first
        if stamp_ns in self._waiting[other]:
            partner = self._waiting[other].pop(stamp_ns)
            return (item, partner) if side == first else (partner, item)
        waiting = self._waiting[side]
        waiting[stamp_ns] = item
        if len(waiting) > self._capacity:
            waiting.popitem(last=False)
            self.unmatched[side] += 1
        return None

    @property
    def waiting(self) -> dict[str, int]:
        """Number of items without a partner yet, by side."""
        return {side: len(items) for side, items in self._waiting.items()}
