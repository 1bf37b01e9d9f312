"""Learning-rate schedules over the share of steps done."""

from __future__ import annotations

import math
from typing import Any

import torch

from ssc_ros.errors import ConfigurationError
from training.options import AmmnetOptimization, OptimizationOptions


def learning_rate_factor(progress: float, options: OptimizationOptions) -> float:
    """
    Return what the learning rate is multiplied by.

    >>> options = OptimizationOptions(schedule='cosine', warmup=0.1)
    >>> [round(learning_rate_factor(progress, options), 3) for progress in (0.05, 0.1, 0.55, 1)]
    [0.5, 1.0, 0.5, 0.0]
    """
    if progress < options.warmup:
        return progress / options.warmup
    if options.schedule == 'multistep':
        return float(options.decay ** sum(progress >= share for share in options.milestones))
    if options.schedule == 'cosine':
        share = (progress - options.warmup) / (1 - options.warmup)
        falling = 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        return options.final_share + (1 - options.final_share) * falling
    if options.schedule == 'poly':
        share = (progress - options.warmup) / (1 - options.warmup)
        return float((1 - min(share, 1.0)) ** options.power)
    if options.schedule == 'constant':
        return 1.0
    raise ConfigurationError(
        f'unknown schedule {options.schedule!r}: choose multistep, cosine, poly or constant')


def scheduled(
    optimizer: torch.optim.Optimizer, total_steps: int, options: OptimizationOptions,
) -> Any:
    """Return an optimizer whose rates follow the schedule, as Lightning takes it."""
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step / total_steps, options))
    return [optimizer], [{'scheduler': schedule, 'interval': 'step'}]


def share_done(step: int, total_steps: int, options: AmmnetOptimization) -> float:
    """
    Return the share of a run that is done; with `schedule_interval: epoch` in whole epochs.

    >>> share_done(150, 300, AmmnetOptimization(epochs=3))
    0.3333333333333333
    """
    if options.schedule_interval == 'step':
        return step / total_steps
    return (step * options.epochs // total_steps) / options.epochs
