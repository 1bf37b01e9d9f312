"""Put images of several topics together, with our matcher or the stock filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ssc_ros.nodes.settings import SyncParameters
from ssc_ros.sync import NearestStampMatcher

NANOSECONDS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class ImageSet:
    """
    Images that belong together.

    Attributes:
        stamp_ns: stamp of the first input, which the outputs carry.
        messages: one per input, by name.
        arrival_s: monotonic time at which the last of them arrived.
    """

    stamp_ns: int
    messages: Mapping[str, Any]
    arrival_s: float


class Synchronizer(Protocol):
    """Takes messages one by one and returns the sets they complete."""

    def push(self, name: str, stamp_ns: int, message: Any) -> list[Mapping[str, Any]]:
        """Add a message of input ``name``."""

    def set_tolerance_ms(self, tolerance_ms: float) -> None:
        """Let stamps of one set differ by this much from now on."""

    def clear(self, reason: str) -> None:
        """Drop all that waits, counted as ``reason``."""


class NearestSynchronizer:
    """Our matcher: nearest stamps, every drop counted, alive after a bag loops."""

    def __init__(
        self, inputs: Sequence[str], parameters: SyncParameters, drop: Callable[[str, int], None],
    ) -> None:
        self._drop = drop
        self._matcher: NearestStampMatcher[Any] = NearestStampMatcher(
            inputs, inputs[0], int(parameters.tolerance_ms * NANOSECONDS_PER_MS), on_drop=drop)

    def push(self, name: str, stamp_ns: int, message: Any) -> list[Mapping[str, Any]]:
        """Add a message."""
        return self._matcher.push(name, stamp_ns, message)

    def set_tolerance_ms(self, tolerance_ms: float) -> None:
        """Let stamps of one set differ by this much from now on."""
        self._matcher.set_tolerance(int(tolerance_ms * NANOSECONDS_PER_MS))

    def clear(self, reason: str) -> None:
        """Drop all that waits."""
        self._drop(reason, self._matcher.clear())


def create_synchronizer(
    inputs: Sequence[str], parameters: SyncParameters, drop: Callable[[str, int], None],
) -> Synchronizer:
    """
    Return what ``sync.policy`` names; the first input is the pivot.

    Args:
        drop: told the reason and number of messages that will never be part of a set.

    Raises:
        ConfigurationError: the stock filter is asked for but not installed.
    """
    if parameters.policy == 'message_filters_approximate':
        from ssc_ros.nodes.stock_synchronizer import StockSynchronizer

        return StockSynchronizer(inputs, parameters, drop)
    return NearestSynchronizer(inputs, parameters, drop)
