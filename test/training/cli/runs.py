"""What tests of whole training runs share: killing one, and reading what it left."""

from __future__ import annotations

import csv
from pathlib import Path

import lightning
import pytest
import torch

from training.cli.fit import fit
from training.experiment import Experiment
from training.runs import newest_checkpoint, read_checkpoint


class Killed(Exception):
    """Stands for the end of the process."""


def fit_until_killed(
    experiment: Experiment, system: type[lightning.LightningModule], *, step: int,
) -> None:
    """Train until the process dies in a step, counted from 0."""
    training_step = system.training_step

    def dies_in_the_step(module, batch, batch_idx):
        if module.global_step == step:
            raise Killed
        return training_step(module, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system, 'training_step', dies_in_the_step)
        with pytest.raises(Killed):
            fit(experiment)


def state_after(folder: Path) -> dict[str, torch.Tensor]:
    """Return the network's tensors in the newest checkpoint of a run."""
    checkpoint = newest_checkpoint(folder)
    assert checkpoint is not None
    return read_checkpoint(checkpoint)[1]


def losses_by_step(folder: Path) -> dict[str, str]:
    """Return the logged loss of every step."""
    return {row['step']: row['train/total'] for row in logged(folder) if row['train/total']}


def logged(folder: Path) -> list[dict[str, str]]:
    """Return the rows of all CSV logs of a run."""
    return [row for file in sorted(folder.glob('csv/*/metrics.csv'))
            for row in csv.DictReader(file.read_text().splitlines())]
