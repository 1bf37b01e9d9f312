"""Training stream and validation images of networks that label pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler

from ssc_ros.errors import ConfigurationError
from training.datasets.labelled import Draw
from training.datasets.loading import StreamedData, StreamSampler
from training.experiment import Experiment

from .batches import ResizedImages, SegmentationBatch, SegmentationDataset, join
from .opening import has_depth_mask, open_images


class GroupedSampler(StreamSampler):
    """
    A stream whose batches hold images of one group only: all with depth, or all without.

    Every epoch shows each image once; what does not fill a batch of its group is filled up with
    images of the group that the epoch has shown.

    Args:
        is_member: (N,) which images form the first group; the others are the second.
        chunk: samples of a batch over all processes.
        others: of `StreamSampler`.
    """

    def __init__(self, is_member: NDArray[np.bool_], chunk: int, **others: Any) -> None:
        super().__init__(len(is_member), **others)
        self._groups = [np.flatnonzero(is_member), np.flatnonzero(~is_member)]
        self._chunk = chunk
        self._epoch_length = sum(
            -(-len(group) // chunk) * chunk for group in self._groups if len(group))

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the images of an epoch."""
        chunks: list[NDArray[np.int64]] = []
        for group in self._groups:
            if len(group):
                shuffled = rng.permutation(group)
                whole = -(-len(group) // self._chunk) * self._chunk
                chunks.extend(np.resize(shuffled, whole).reshape(-1, self._chunk))
        return np.concatenate([chunks[index] for index in rng.permutation(len(chunks))])


class SegmentationData(StreamedData):
    """
    Labelled images of an experiment.

    Attributes:
        has_depth: (num_train,) which training images' depth is learned from.
    """

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        data = experiment.data
        images = {part: open_images(experiment, part) for part in ('train', 'val')}
        self.num_train, self.num_val = len(images['train']), len(images['val'])
        self.has_depth = has_depth_mask(self.num_train, data.depth_fraction, data.depth_seed)
        self._refuse_large_crops()
        self._datasets = {part: SegmentationDataset(
            ResizedImages(images[part], experiment.network, keeps=data.cache == 'host'),
            experiment.network, data, self.has_depth if part == 'train' else None)
            for part in images}

    def _refuse_large_crops(self) -> None:
        crop, size = self._experiment.data.train_crop, self._experiment.network.image_size
        if crop and any(part > whole for part, whole in zip(crop, size, strict=True)):
            raise ConfigurationError(
                f'data.train_crop {crop} is larger than network.image_size {size}')

    def sampler(self, **window: Any) -> StreamSampler:
        """Return the training stream, in batches with and without depth where asked for."""
        data = self._experiment.data
        if data.depth_batching == 'mixed' or self.has_depth.all() or not self.has_depth.any():
            return super().sampler(**window)
        return GroupedSampler(self.has_depth, data.batch_size * window['world'], **window)

    def loader(
        self, part: str, order: Sampler[Draw] | Sequence[int], batch_size: int,
    ) -> DataLoader[SegmentationBatch]:
        """Return a loader of `train` or `val` images in an order."""
        workers = self._experiment.data.workers
        return DataLoader(
            self._datasets[part], batch_size, sampler=order, num_workers=workers,
            collate_fn=join, persistent_workers=workers > 0)
