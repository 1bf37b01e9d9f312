"""What each system of `training.experiment.SYSTEMS` trains with."""

from __future__ import annotations

import math
from typing import Any

import lightning

from training.datasets.loading import StreamedData
from training.experiment import Experiment

# What validation logs as val/NAME and a run keeps the best weights of.
_VOXEL_SCORES, _PIXEL_SCORES = ('ssc_miou', 'sc_iou'), ('mean_iou', 'pixel_accuracy')


def best_scores(experiment: Experiment) -> tuple[str, ...]:
    """Return the scores of which a run keeps the best weights."""
    if experiment.system == 's4r':
        return ('mean_iou', 'geometry_iou')
    if experiment.system == 'gad' or (
            experiment.system == 'imenet' and experiment.network.voxel_network == 'none'):
        return _PIXEL_SCORES
    if experiment.system == 'imenet' and experiment.network.image_network != 'none':
        return (*_VOXEL_SCORES, _PIXEL_SCORES[0])
    return _VOXEL_SCORES


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
    if experiment.system == 'imenet':
        from training.systems.imenet import ImenetSystem
        return ImenetSystem(plain, total_steps)
    if experiment.system == 's4r':
        from training.systems.s4r import S4rSystem
        return S4rSystem(plain, total_steps)
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
    if experiment.system == 'imenet':
        from training.datasets.joint.loading import JointData
        return JointData(experiment)
    if experiment.system == 's4r':
        from training.datasets.chunks import ChunkData
        return ChunkData(experiment)
    from training.datasets.loading import CompletionData
    return CompletionData(experiment)


def run_length(experiment: Experiment, train_frames: int) -> int:
    """Return the steps that a run should take at least."""
    if experiment.system == 'imenet':
        from training.systems.stages import run_length as length_of_stages
        return length_of_stages(experiment, train_frames)
    options = experiment.optimization
    per_step = experiment.data.batch_size * options.accumulate_batches * experiment.run.devices
    steps: int = options.steps or options.epochs * math.ceil(train_frames / per_step)
    return steps
