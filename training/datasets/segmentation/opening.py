"""Open the images that an experiment names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from training.datasets.nyu.splits import hold_out
from training.experiment import Experiment

from .image import LabelledImages
from .nyu import NyuImages
from .rooms import RoomImages
from .sunrgbd import SunImages


def open_images(experiment: Experiment, split: str) -> LabelledImages:
    """
    Open the images of a split.

    Args:
        split: train, val or test; `data.validate_on` says what val is, and what train leaves out.

    Raises:
        ConfigurationError: the network has other classes than the data set, or no image is left.
    """
    data = experiment.data
    images = _opened(experiment, split)
    limit = {'train': data.train_samples, 'val': data.val_samples}.get(split)
    images.names = images.names[:limit]
    expected = experiment.network.num_classes - 1
    if images.num_classes != expected:
        raise ConfigurationError(
            f'network.num_classes is {expected + 1}, unlabelled included, but {data.reader} has '
            f'{images.num_classes} classes: set it to {images.num_classes + 1}, and label_space')
    if not images:
        raise ConfigurationError(f'no image is left for {split}: data.held_out is {data.held_out}')
    return images


def _opened(experiment: Experiment, split: str) -> LabelledImages:
    data = experiment.data
    if data.reader == 'rooms':
        return RoomImages(data.root, split, experiment.network.label_space)
    is_test = split == 'test' or (split == 'val' and data.validate_on == 'test')
    make: Any = NyuImages if data.reader == 'nyu' else SunImages
    images: LabelledImages = make(data.root, 'test' if is_test else 'train')
    if data.validate_on == 'held_out' and not is_test:
        kept, held = (hold_out if data.reader == 'nyu' else _last)(images.names, data.held_out)
        images.names = held if split == 'val' else kept
    return images


def _last(names: Sequence[int], count: int) -> tuple[Sequence[int], Sequence[int]]:
    """Hold out the last images: those of one place follow each other."""
    cut = len(names) - count
    return names[:cut], names[cut:]


def has_depth_mask(images: int, fraction: float, seed: int) -> NDArray[np.bool_]:
    """
    Return which of so many training images keep their depth (GAD, Sec. 4.5).

    One order is drawn from the seed, so that a larger share holds all of a smaller one.

    >>> int(has_depth_mask(10, 0.4, seed=0).sum())
    4
    """
    mask = np.zeros(images, np.bool_)
    mask[np.random.default_rng(seed).permutation(images)[:round(fraction * images)]] = True
    return mask
