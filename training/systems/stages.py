"""The stages of a training in rounds: which branch learns when, and on which frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from training.experiment import Experiment

Branch = Literal['2d', '3d', 'both']

WHOLE = 0
HALVES = (1, 2)


@dataclass(frozen=True, slots=True)
class Stage:
    """
    Steps in which one branch of one copy of the network learns, or both branches in turns.

    Attributes:
        branch: what learns.
        round: 0 = each network alone, without labels of the other.
        group: number of the branch's turn; all copies of the network take it one after another.
        member: 0 is the network, 1 and 2 are copies that learn from half of the frames each.
        batch_size: per device.
        start, stop: steps of the run.
    """

    branch: Branch
    round: int
    group: int
    member: int
    batch_size: int
    start: int = 0
    stop: int = 0

    @property
    def is_alone(self) -> bool:
        """Whether nothing is learned from labels of the other branch."""
        return self.round == 0

    @property
    def steps(self) -> int:
        """Length."""
        return self.stop - self.start


def number_of_rounds(experiment: Experiment) -> int:
    """Return the rounds of a training, or the iterations of each of its unrolled batches."""
    rounds: int | None = experiment.optimization.rounds
    iterations: int = experiment.network.iterations
    return iterations if rounds is None else rounds


def run_length(experiment: Experiment, train_frames: int) -> int:
    """Return the steps of a run as the epochs of its stages have it, or as it says itself."""
    steps: int | None = experiment.optimization.steps
    return steps or sum(
        ceil(epochs * _frames_of(stage.member, train_frames)
             / (stage.batch_size * experiment.run.devices))
        for stage, epochs in _stages_and_epochs(experiment))


def plan_stages(experiment: Experiment, total_steps: int) -> tuple[Stage, ...]:
    """
    Divide the steps of a run among its stages, in proportion to their epochs.

    Raises:
        ConfigurationError: nothing is to be learned, or there are fewer steps than stages.
    """
    parts = _stages_and_epochs(experiment)
    shares = np.array([epochs * (1.0 if stage.member == WHOLE else 0.5) / stage.batch_size
                       for stage, epochs in parts])
    if not shares.size or not (shares > 0).all():
        raise ConfigurationError('no stage of the training has any epochs: give the stages epochs')
    ends = np.rint(total_steps * np.cumsum(shares) / shares.sum()).astype(int)
    starts = [0, *ends[:-1].tolist()]
    if (np.diff([0, *ends]) < 1).any():
        raise ConfigurationError(
            f'{total_steps} steps are too few for {len(parts)} stages: raise optimization.steps')
    return tuple(replace(stage, start=int(start), stop=int(stop))
                 for (stage, _), start, stop in zip(parts, starts, ends, strict=True))


def stage_at(stages: Sequence[Stage], step: int) -> Stage:
    """Return the stage of a step; the last one after its end, too."""
    return next((stage for stage in stages if step < stage.stop), stages[-1])


def rounds_done(stages: Sequence[Stage], step: int) -> int:
    """Return how many rounds, of both branches, lie before a step."""
    last = max(stage.round for stage in stages)
    current = min((stage.round for stage in stages if step < stage.stop), default=last + 1)
    return max((stage.round for stage in stages if stage.round < current), default=0)


def half_of(frame: int | NDArray[np.int64]) -> int | NDArray[np.int64]:
    """
    Return which copy, 1 or 2, learns from a frame; the other one labels it.

    Frames of one scene follow each other: they stay together by tens.

    >>> [half_of(frame) for frame in (0, 9, 10, 19, 20)]
    [1, 1, 2, 2, 1]
    """
    return 1 + frame // 10 % 2


def frames_of(member: int, frames: int) -> NDArray[np.int64]:
    """Return the indices of the frames that a copy of the network learns from."""
    indices = np.arange(frames)
    return indices if member == WHOLE else indices[half_of(indices) == member]


def _frames_of(member: int, frames: int) -> float:
    return frames if member == WHOLE else frames / 2


def _stages_and_epochs(experiment: Experiment) -> list[tuple[Stage, int]]:
    options, data, network = experiment.optimization, experiment.data, experiment.network
    members = (*HALVES, WHOLE) if options.crossfit else (WHOLE,)
    branches = [branch for branch, kind in (
        ('2d', network.image_network), ('3d', network.voxel_network)) if kind != 'none']
    alone = {'2d': (options.image_epochs, data.image_batch_size),
             '3d': (options.voxel_epochs, data.batch_size)}
    turns = [] if options.starts_from else [(branch, 0, *alone[branch]) for branch in branches]
    if network.loop_order == '3d_first':
        branches.reverse()
    again = {'2d': options.round_image_epochs, '3d': options.round_voxel_epochs}
    rounds = number_of_rounds(experiment)
    if options.mode == 'unrolled' and rounds:
        turns.append(('both', rounds, options.round_voxel_epochs, data.batch_size))
    else:
        turns += [(branch, number, again[branch], data.batch_size)
                  for number in range(1, rounds + 1) for branch in branches]
    return [(Stage(branch, number, group, member, batch_size), epochs)
            for group, (branch, number, epochs, batch_size) in enumerate(turns)
            for member in members]
