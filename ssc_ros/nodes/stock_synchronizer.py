"""The stock ApproximateTimeSynchronizer; needs message_filters, which only ROS carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ssc_ros.errors import ConfigurationError
from ssc_ros.nodes.settings import SyncParameters

QUEUE_SIZE = 10


class StockSynchronizer:
    """
    Feeds the stock filter message by message.

    It does not tell what it discards: such messages count as pending until the next clear().
    """

    def __init__(
        self, inputs: Sequence[str], parameters: SyncParameters, drop: Callable[[str, int], None],
    ) -> None:
        try:
            import message_filters
        except ImportError as error:
            raise ConfigurationError(
                'sync.policy is message_filters_approximate but message_filters is not installed '
                f'({error}): source a ROS 2 installation, or set sync.policy to nearest'
            ) from error
        self._filters = {name: message_filters.SimpleFilter() for name in inputs}
        self._tolerance_s = parameters.tolerance_ms / 1000
        self._make = message_filters.ApproximateTimeSynchronizer
        self._drop = drop
        self._outstanding = 0
        self._matched: list[Mapping[str, Any]] = []
        self._connect()

    def _connect(self) -> None:
        for source in self._filters.values():
            source.callbacks = {}
        self._synchronizer = self._make(
            list(self._filters.values()), QUEUE_SIZE, self._tolerance_s)
        self._synchronizer.registerCallback(self._collect)

    def _collect(self, *messages: Any) -> None:
        self._matched.append(dict(zip(self._filters, messages, strict=True)))

    def push(self, name: str, stamp_ns: int, message: Any) -> list[Mapping[str, Any]]:
        """Add a message; the filter reads the stamp from its header."""
        self._outstanding += 1
        self._filters[name].signalMessage(message)
        matched, self._matched = self._matched, []
        self._outstanding -= len(matched) * len(self._filters)
        return matched

    def set_tolerance_ms(self, tolerance_ms: float) -> None:
        """Go on with a new filter, into whose queues what waited does not come along."""
        self._tolerance_s = tolerance_ms / 1000
        self._connect()

    def clear(self, reason: str) -> None:
        """Start with empty queues."""
        self._drop(reason, self._outstanding)
        self._outstanding = 0
        self._connect()
