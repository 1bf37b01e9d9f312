"""What each system of `training.experiment.SYSTEMS` trains with."""

from __future__ import annotations

from typing import Any

import lightning

from training.datasets.loading import StreamedData
from training.experiment import Experiment

# What validation logs as val/NAME and a run keeps the best weights of.
_BEST_SCORES = {'gad': ('mean_iou', 'pixel_accuracy')}


def best_scores(system: str) -> tuple[str, ...]:
    """Return the scores of which a run keeps the best weights."""
    return _BEST_SCORES.get(system, ('ssc_miou', 'sc_iou'))


def make_system(
    experiment: Experiment, plain: dict[str, Any], total_steps: int,
) -> lightning.LightningModule:
    """
    Return the Lightning system that trains an experiment.

    Args:
        plain: the experiment as nested plain values, kept in its checkpoints.
    """
    if experiment.system == 'ammnet':
        from training.systems.ammnet import AmmnetSystem
        return AmmnetSystem(plain, total_steps)
    if experiment.system == 'gad':
        from training.systems.gad import GadSystem
        return GadSystem(plain, total_steps)
    from training.systems.occdepth import OccDepthSystem
    return OccDepthSystem(plain, total_steps)


def make_data(experiment: Experiment) -> StreamedData:
    """Return the training stream and validation frames of an experiment."""
    if experiment.system == 'ammnet':
        from training.datasets.completion_loading import VolumeData
        return VolumeData(experiment)
    if experiment.system == 'gad':
        from training.datasets.segmentation.loading import SegmentationData
        return SegmentationData(experiment)
    from training.datasets.loading import CompletionData
    return CompletionData(experiment)
