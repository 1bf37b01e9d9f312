"""How long steps take, and which share of it the loader costs."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import lightning


class StepTimer(lightning.Callback):
    """Logs seconds per batch and the share spent waiting for data."""

    def __init__(self) -> None:
        self._ended_at: float | None = None
        self._waited_s = 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        """Take the time since the last batch as waiting."""
        self._waited_s = perf_counter() - self._ended_at if self._ended_at else 0.0
        self._started_at = perf_counter()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, system: lightning.LightningModule, *_: Any,
    ) -> None:
        """Log the batch's times."""
        total_s = perf_counter() - self._started_at + self._waited_s
        system.log('time/step_s', total_s)
        system.log('time/data_share', self._waited_s / total_s)
        self._ended_at = perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        """Leave validation out of the waiting time."""
        self._ended_at = None
