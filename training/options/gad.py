"""What a GAD experiment learns from, with which losses and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssc_ros.errors import ConfigurationError
from training.options.common import OptimizationOptions, RunOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class GadData:
    """
    Labelled images and their augmentation; the defaults are the published ones.

    Attributes:
        reader: `nyu`: NYUv2-40, as images or as nyu_depth_v2_labeled.mat; `sunrgbd`: SUN RGB-D-37
            as published or repackaged; `rooms`: synthetic rooms with exact depth.
        root: folder of the data set, or the .mat file.
        train_samples, val_samples: use the first so many; None takes all.
        validate_on: `test`, or `held_out`: training scenes that are left out of training.
        held_out: how many images at most are held out, in whole scenes where these are known.
        batch_size: per device.
        workers: loader processes; 0 loads in the training process.
        cache: keep resized images in the `host`'s memory, 0.5 MB each, or read them each time
            (`none`).
        train_crop: (height, width) of random crops; None takes the network's own crop.
        flip_probability: share of samples that are mirrored.
        color_probability: of each of the colour changes: gamma, brightness, gain of channels.
        depth_fraction: share of training images whose depth is learned from (Sec. 4.5).
        depth_seed: which images these are; a larger share holds all of a smaller one.
        depth_batching: `grouped`: all images of a batch have depth or none has, so that batch
            statistics of the depth branch stay clean; or `mixed`.
    """

    reader: Literal['nyu', 'sunrgbd', 'rooms'] = 'nyu'
    root: str = 'data/nyu'
    train_samples: int | None = None
    val_samples: int | None = None
    validate_on: Literal['test', 'held_out'] = 'test'
    held_out: int = 60
    batch_size: int = 8
    workers: int = 0
    cache: Literal['host', 'none'] = 'none'
    train_crop: tuple[int, int] | None = None
    flip_probability: float = 0.5
    color_probability: float = 0.5
    depth_fraction: float = 1.0
    depth_seed: int = 0
    depth_batching: Literal['grouped', 'mixed'] = 'grouped'

    def __post_init__(self) -> None:
        if not 0 <= self.depth_fraction <= 1:
            raise ConfigurationError(
                f'data.depth_fraction is {self.depth_fraction}: give a share from 0 to 1')


@dataclass(frozen=True, slots=True, kw_only=True)
class GadLosses:
    """
    Weights and shapes of the loss terms; the defaults are the published ones.

    Attributes:
        semantic, depth, side: weight of the head behind GAP, of the depth and of every level of
            the pyramid.
        gamma: how strongly the semantic loss looks away from pixels that are right already; 0 is
            the cross-entropy.
        reduce: `mean` over labelled pixels, or their `sum`, as the paper writes it.
        size: (height, width) that scores are resized to before labels are compared; None keeps
            each head's own size, for less memory.
        berhu_scope: the largest error that sets the threshold is that of the `batch` or of each
            `image`.
        berhu_fraction: of the largest error from which on it counts squared.
    """

    semantic: float = 1.0
    depth: float = 1.0
    side: float = 1.0
    gamma: float = 2.0
    reduce: Literal['mean', 'sum'] = 'mean'
    size: tuple[int, int] | None = (480, 640)
    berhu_scope: Literal['batch', 'image'] = 'batch'
    berhu_fraction: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class GadOptimization(OptimizationOptions):
    """
    How the weights are found; the defaults are the published ones, or ours where none are.

    Attributes:
        learning_rate: of all but the backbone.
        backbone_learning_rate: of the encoder.
        gradient_clip: of the common norm over semantic decoder, GAP, pyramid and heads.
        encoder_weights: pretrained weights of the encoder: a file, or `package`.
    """

    epochs: int = 120
    learning_rate: float = 1e-2
    backbone_learning_rate: float = 1e-5
    weight_decay: float = 0.0
    milestones: tuple[float, ...] = (1 / 3, 2 / 3)
    decay: float = 0.1
    gradient_clip: float = 1.0
    encoder_weights: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GadRun(RunOptions):
    """Where and how long it runs."""
