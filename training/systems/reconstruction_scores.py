"""Scores of completed scenes as plain numbers, over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch.distributed as dist

from ssc_ros.metrics import ReconstructionCounts


def scores_of(counts: ReconstructionCounts, names: Sequence[str]) -> dict[str, Any]:
    """
    Return the scores of counted scenes: fractions, None of what does not occur.

    Args:
        names: of the classes.
    """
    geometry, labels = counts.geometry(), counts.semantics()
    strict = counts.semantics(strict=True)
    has_labels = not np.isnan(labels.class_iou).all()
    semantic = {
        'mean_accuracy': labels.mean_accuracy, 'mean_iou': labels.mean_iou,
        'strict_mean_accuracy': strict.mean_accuracy, 'strict_mean_iou': strict.mean_iou}
    return {
        'geometry_iou': geometry.iou, 'geometry_recall': geometry.recall,
        'pooled_iou': geometry.pooled_iou, 'pooled_recall': geometry.pooled_recall,
        'tolerant_recall': geometry.tolerant_recall,
        **(semantic if has_labels else dict.fromkeys(semantic)),
        'per_class_iou': labels.as_dict(names)['per_class_iou']}


def over_all_processes(counts: ReconstructionCounts) -> ReconstructionCounts:
    """Return what all processes counted together."""
    if not (dist.is_available() and dist.is_initialized()):
        return counts
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, counts)
    return reduce(add, parts)
