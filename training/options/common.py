"""Sections of an experiment that every system has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Schedule = Literal['multistep', 'cosine', 'constant', 'poly']


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageData:
    """
    Which frames of NYUv2 or NYUCAD are learned from and scored.

    Attributes:
        root: folder of the package, in any published layout.
        depth_source: whose volumes are read: `kinect` is NYU, `cad` is NYUCAD.
        cad_weights: with NYUCAD, the label weights of the Kinect volumes (`official`, as
            AMMNet's figures have them) or its `own`.
        cad_root: folder of NYUCAD; None takes the one beside the root.
        skip_broken: go on without frames whose files are missing or damaged, and count them.
        train_samples, val_samples: use the first so many; None takes all.
        validate_on: `test`, as the papers do for their curves, or `held_out`: training scenes
            that are left out of training.
        held_out: how many frames at most are held out, in whole scenes.
    """

    root: str = 'data/nyu'
    depth_source: Literal['kinect', 'cad'] = 'kinect'
    cad_weights: Literal['official', 'own'] = 'official'
    cad_root: str | None = None
    skip_broken: bool = False
    train_samples: int | None = None
    val_samples: int | None = None
    validate_on: Literal['test', 'held_out'] = 'test'
    held_out: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationOptions:
    """
    How the weights are found; the defaults are those of OccDepth (total batch 4).

    Attributes:
        epochs, steps: length of the run; steps win where both are given.
        schedule: of the learning rate over the share of steps done: `multistep` multiplies it by
            `decay` at each milestone, `cosine` lets it fall to `final_share`, `poly` makes it
            the share still to be done, to the power of `power`.
        warmup: share of the steps during which the learning rate rises from 0.
        precision: of Lightning, e.g. `32-true`, `bf16-mixed`.
        channels_last: memory layout that convolutions in half precision like best.
        accumulate_batches: batches per optimizer step.
        average_decay: validate and ship an exponential moving average of the weights.
    """

    epochs: int = 30
    steps: int | None = None
    learning_rate: float = 2e-4
    weight_decay: float = 1e-4
    schedule: Schedule = 'multistep'
    milestones: tuple[float, ...] = (18 / 30, 24 / 30)
    decay: float = 0.4
    final_share: float = 0.0
    power: float = 0.9
    warmup: float = 0.0
    gradient_clip: float = 35.0
    precision: str = '32-true'
    channels_last: bool = False
    accumulate_batches: int = 1
    average_decay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """
    Where and how long it runs.

    Attributes:
        folder: the run keeps its files in `folder/name`.
        max_time: stop after DD:HH:MM:SS, counted over resumed runs.
        validations: number of validations, evenly spread, the last one at the end.
        checkpoint_every_steps: how much work a kill may cost.
        threads: of torch; None leaves its choice.
        devices: processes of one machine, each with a device; started by torchrun or by Lightning.
    """

    folder: str = 'runs'
    seed: int = 42
    max_time: str | None = None
    validations: int = 10
    checkpoint_every_steps: int = 200
    log_every_steps: int = 10
    threads: int | None = None
    devices: int = 1
