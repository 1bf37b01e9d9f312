"""What an OccDepth experiment learns from, and with which losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """
    What is learned from.

    Attributes:
        reader: `rooms` are synthetic; `nyu` is NYUv2 in any published layout (without depth, so
            that it takes a network of one view).
        root: folder of the data set with one sub-folder per split.
        train_samples, val_samples: use the first so many; None takes all.
        batch_size: per device.
        workers: loader processes; 0 loads in the training process.
        color_jitter: strength of brightness, contrast and saturation changes.
        shared_jitter: change both eyes alike; the official code draws for each on its own.
        strong_augmentation: also blur, gray and erase; part of the paper's best recipe.
        flip_probability: share of samples whose images are mirrored.
    """

    reader: Literal['rooms', 'nyu'] = 'rooms'
    root: str = 'data/rooms'
    train_samples: int | None = None
    val_samples: int | None = None
    batch_size: int = 1
    workers: int = 0
    color_jitter: float = 0.4
    shared_jitter: bool = True
    strong_augmentation: bool = False
    flip_probability: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOptions:
    """
    Weights of the loss terms, published values; a term without its head or data is left out.

    Attributes:
        class_weights: of the cross-entropy; None takes those of the label space.
        occupancy_weights: (empty, occupied); None takes the published ones of the label space.
        semantic_floor: let the semantic affinity fade linearly to this share; None keeps it.
    """

    class_: float = 1.0
    occupancy: float = 1.0
    geometric: float = 1.0
    semantic: float = 1.0
    frustum: float = 1.0
    relation: float = 1.0
    depth: float = 1.0
    class_weights: tuple[float, ...] | None = None
    occupancy_weights: tuple[float, float] | None = None
    semantic_floor: float | None = None
