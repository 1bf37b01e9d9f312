"""Loaders whose order survives a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler

from ssc_ros.errors import ConfigurationError
from training.datasets.labelled import (
    Batch,
    CompletionDataset,
    Draw,
    LabelledFrame,
    SampleMaker,
    join,
)
from training.datasets.nyu import NyuFrames
from training.datasets.rooms import RoomFrames
from training.experiment import Experiment


class StreamSampler(Sampler[Draw]):
    """
    An endless stream of shuffled epochs, cut to a window; position and seed alone decide it.

    Args:
        frames: number of frames; every epoch shows each once.
        seed: of order and augmentations.
        start, stop: positions of the whole stream, over all processes.
        rank, world: this process takes every `world`-th position.
    """

    def __init__(
        self, frames: int, seed: int, *, start: int, stop: int, rank: int = 0, world: int = 1,
    ) -> None:
        self._epoch_length, self._seed = frames, seed
        self._positions = range(start + rank, stop, world)
        self._length = len(range(rank, stop, world))

    def __len__(self) -> int:
        """Length of the whole stream: a resumed run counts the batches it has done, too."""
        return self._length

    def __iter__(self) -> Iterator[Draw]:
        epoch, order = -1, np.empty(0, np.int64)
        for position in self._positions:
            if position // self._epoch_length != epoch:
                epoch = position // self._epoch_length
                order = self.order(np.random.default_rng([self._seed, epoch]))
            # Seeds of two positions never meet, nor do those of two experiments' streams.
            augmentation = np.random.SeedSequence([self._seed, position, 1])
            yield Draw(int(order[position % self._epoch_length]),
                       int(augmentation.generate_state(1)[0]))

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the frames of an epoch."""
        return rng.permutation(self._epoch_length)


class StreamedData(lightning.LightningDataModule):
    """
    Training stream and validation frames of an experiment; subclasses say what they are.

    Attributes:
        num_train, num_val: frames.
    """

    num_train: int
    num_val: int

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self._experiment = experiment

    def train_dataloader(self) -> DataLoader:
        """Return the rest of the stream, from the trainer's current step on."""
        data, trainer = self._experiment.data, self.trainer
        assert trainer is not None
        accumulated = self._experiment.optimization.accumulate_batches
        per_step = data.batch_size * trainer.world_size * accumulated
        sampler = self.sampler(
            seed=self._experiment.run.seed, start=trainer.global_step * per_step,
            stop=trainer.max_steps * per_step, rank=trainer.global_rank, world=trainer.world_size)
        return self.loader('train', sampler, data.batch_size)

    def sampler(self, **window: Any) -> StreamSampler:
        """Return the training stream within a window of it."""
        return StreamSampler(self.num_train, **window)

    def val_dataloader(self) -> DataLoader:
        """Return this process's share of the validation frames."""
        assert self.trainer is not None
        if self.num_val < self.trainer.world_size:
            raise ConfigurationError(
                f'{self.trainer.world_size} processes share {self.num_val} validation frames: '
                'each needs one, raise data.val_samples or lower run.devices')
        shares = range(self.trainer.global_rank, self.num_val, self.trainer.world_size)
        return self.loader('val', list(shares), 1)

    def loader(
        self, part: str, order: Sampler[Draw] | Sequence[int], batch_size: int,
    ) -> DataLoader:
        """Return a loader of `train` or `val` frames in an order."""
        raise NotImplementedError


class CompletionData(StreamedData):
    """Labelled frames, prepared as the nodes prepare theirs."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self._frames = {part: open_split(experiment, part) for part in ('train', 'val')}
        self.num_train, self.num_val = len(self._frames['train']), len(self._frames['val'])

    def loader(
        self, part: str, order: Sampler[Draw] | Sequence[int], batch_size: int,
    ) -> DataLoader[Batch]:
        """Return a loader of `train` or `val` frames in an order."""
        experiment, workers = self._experiment, self._experiment.data.workers
        has_frusta = part == 'train' and experiment.losses.frustum > 0
        make = SampleMaker(experiment.network, experiment.data, with_cells=has_frusta)
        return DataLoader(
            CompletionDataset(self._frames[part], make), batch_size, sampler=order,
            num_workers=workers, collate_fn=join, persistent_workers=workers > 0)


def open_split(experiment: Experiment, split: str) -> Sequence[LabelledFrame]:
    """Open the frames of a split: train, val or test; NYUv2 validates on its test split."""
    data = experiment.data
    limit = {'train': data.train_samples, 'val': data.val_samples}.get(split)
    if data.reader == 'nyu':
        return NyuFrames(data.root, 'train' if split == 'train' else 'test', limit=limit)
    return RoomFrames(data.root, split, limit=limit, views=experiment.network.views)
