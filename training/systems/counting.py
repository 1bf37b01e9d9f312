"""Confusion counts on the device where predictions are, so that counting never waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ssc_ros.metrics import CompletionCounts, CompletionScores
from training.datasets.completion_batches import AmmnetBatch
from training.losses.completion import IGNORE_ID
from training.systems.logs import summed


class RegionCounts:
    """
    SSC counts of all weighted voxels, and SC counts of those that are no visible surface.

    Surface is what the batch's mapping shows: after 2D augmentation less of it.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._confusions: Tensor | None = None

    def reset(self) -> None:
        """Forget every count."""
        self._confusions = None

    def update(self, logits: Tensor, batch: AmmnetBatch) -> None:
        """Count (B, C, X, Y, Z) logits against a batch."""
        classes, labels = self.num_classes, batch.labels.flatten().long()
        cells = labels * classes + logits.argmax(dim=1).flatten()
        picture = batch.inputs.label_map if batch.inputs.image is None else batch.inputs.image
        assert picture is not None
        hidden = batch.inputs.pixel_of_voxel.flatten() == picture.shape[-2] * picture.shape[-1]
        weighted = batch.weight.flatten() & (labels != IGNORE_ID)
        counted = torch.stack([weighted, weighted & hidden])
        if self._confusions is None:
            self._confusions = self._zeros(logits.device)
        # One more cell takes the voxels that do not count.
        self._confusions.scatter_add_(
            1, cells.where(counted, classes ** 2), torch.ones_like(counted, dtype=torch.long))

    def scores(
        self, gather: Callable[[Tensor], Any], device: torch.device | str = 'cpu',
    ) -> CompletionScores:
        """Return the scores over all processes, one of which may have counted nothing."""
        classes = self.num_classes
        own = self._zeros(device) if self._confusions is None else self._confusions
        total = summed(own, gather).cpu()
        semantic, hidden = (_scores(part[:-1].view(classes, classes)) for part in total)
        return replace(
            semantic, sc_precision=hidden.sc_precision, sc_recall=hidden.sc_recall,
            sc_iou=hidden.sc_iou)

    def _zeros(self, device: torch.device | str) -> Tensor:
        return torch.zeros(2, self.num_classes ** 2 + 1, dtype=torch.long, device=device)


def _scores(confusion: Tensor) -> CompletionScores:
    counts = CompletionCounts(len(confusion))
    counts.confusion = confusion.numpy()
    return counts.scores()
