"""Confusion counts on the device where predictions are, so that counting never waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssc_ros.metrics import (
    CompletionCounts,
    CompletionScores,
    SegmentationCounts,
    SegmentationScores,
)
from training.datasets.completion_batches import AmmnetBatch
from training.losses.completion import IGNORE_ID
from training.systems.logs import summed


class RegionCounts:
    """
    SSC counts of all weighted voxels, and SC counts of those that are no visible surface.

    Surface is what the batch's mapping shows: after AMMNet's 2D augmentation less of it.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._confusions: Tensor | None = None

    def reset(self) -> None:
        """Forget every count."""
        self._confusions = None

    def update(self, logits: Tensor, batch: AmmnetBatch) -> None:
        """Count (B, C, X, Y, Z) logits against a batch."""
        picture = batch.inputs.label_map if batch.inputs.image is None else batch.inputs.image
        assert picture is not None
        no_pixel = picture.shape[-2] * picture.shape[-1]
        self.count(logits.argmax(dim=1), batch.labels, batch.weight,
                   batch.inputs.pixel_of_voxel.view_as(batch.labels) != no_pixel)

    def count(
        self, predicted: Tensor, labels: Tensor, weight: Tensor, is_surface: Tensor,
    ) -> None:
        """
        Count (B, X, Y, Z) predicted labels.

        Args:
            labels: true ones, 255 = unknown, of the same shape as all that follow.
            weight: bool, voxels that are scored.
            is_surface: bool, voxels that SC leaves out.
        """
        classes, truth = self.num_classes, labels.flatten().long()
        cells = truth * classes + predicted.flatten()
        weighted = weight.flatten() & (truth != IGNORE_ID)
        counted = torch.stack([weighted, weighted & ~is_surface.flatten()])
        if self._confusions is None:
            self._confusions = self._zeros(predicted.device)
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


class PixelCounts:
    """
    Standard counts of labelled pixels.

    Args:
        num_classes: unlabelled, which is 0, not among them.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._confusion: Tensor | None = None

    def reset(self) -> None:
        """Forget every count."""
        self._confusion = None

    def count(self, predicted: Tensor, labels: Tensor) -> None:
        """Count (B, H, W) predicted classes against true ones, 0 = unlabelled."""
        width = self.num_classes + 1
        cells = labels.flatten().long() * width + predicted.flatten()
        confusion = torch.bincount(cells, minlength=width ** 2).view(width, width)
        self._confusion = confusion if self._confusion is None else self._confusion + confusion

    def scores(
        self, gather: Callable[[Tensor], Any], device: torch.device | str = 'cpu',
    ) -> SegmentationScores:
        """Return the scores over all processes, one of which may have counted nothing."""
        width = self.num_classes + 1
        own = torch.zeros(width, width, dtype=torch.long, device=device) if (
            self._confusion is None) else self._confusion
        return pixel_scores(summed(own, gather))


def pixel_scores(confusion: Tensor) -> SegmentationScores:
    """Return the scores of (C + 1, C + 1) counts, true class first, 0 = unlabelled."""
    return SegmentationCounts.from_arrays({
        'frame_ids': np.array(['all']), 'confusions': confusion[None].cpu().numpy()}).scores()


def _scores(confusion: Tensor) -> CompletionScores:
    counts = CompletionCounts(len(confusion))
    counts.confusion = confusion.numpy()
    return counts.scores()
