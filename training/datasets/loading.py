"""Loaders whose order survives a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lightning
import numpy as np
from torch.utils.data import DataLoader, Sampler

from training.datasets.labelled import (
    Batch,
    CompletionDataset,
    Draw,
    LabelledFrame,
    SampleMaker,
    join,
)
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
        self._frames, self._seed = frames, seed
        self._positions = range(start + rank, stop, world)
        self._length = len(range(rank, stop, world))

    def __len__(self) -> int:
        """Length of the whole stream: a resumed run counts the batches it has done, too."""
        return self._length

    def __iter__(self) -> Iterator[Draw]:
        epoch, order = -1, np.empty(0, np.int64)
        for position in self._positions:
            if position // self._frames != epoch:
                epoch = position // self._frames
                order = np.random.default_rng([self._seed, epoch]).permutation(self._frames)
            # Seeds of two positions never meet, nor do those of two experiments' streams.
            augmentation = np.random.SeedSequence([self._seed, position, 1])
            yield Draw(int(order[position % self._frames]), int(augmentation.generate_state(1)[0]))


class CompletionData(lightning.LightningDataModule):
    """Training stream and validation frames of an experiment."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self._experiment = experiment
        self.train_frames = open_split(experiment, 'train')
        self.val_frames = open_split(experiment, 'val')

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the rest of the stream, from the trainer's current step on."""
        data, options = self._experiment.data, self._experiment.optimization
        trainer = self.trainer
        assert trainer is not None
        per_step = data.batch_size * trainer.world_size * options.accumulate_batches
        sampler = StreamSampler(
            len(self.train_frames), self._experiment.run.seed,
            start=trainer.global_step * per_step, stop=trainer.max_steps * per_step,
            rank=trainer.global_rank, world=trainer.world_size)
        has_frusta = self._experiment.losses.frustum > 0
        return self._loader(self.train_frames, sampler, data.batch_size, with_cells=has_frusta)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return this process's share of the validation frames."""
        assert self.trainer is not None
        shares = range(self.trainer.global_rank, len(self.val_frames), self.trainer.world_size)
        return self._loader(self.val_frames, list(shares), 1, with_cells=False)

    def _loader(
        self, frames: Sequence[LabelledFrame], order: Sampler[Draw] | Sequence[int],
        batch_size: int, *, with_cells: bool,
    ) -> DataLoader[Batch]:
        experiment = self._experiment
        make = SampleMaker(experiment.network, experiment.data, with_cells=with_cells)
        return DataLoader(
            CompletionDataset(frames, make), batch_size, sampler=order,
            num_workers=experiment.data.workers, collate_fn=join,
            persistent_workers=experiment.data.workers > 0)


def open_split(experiment: Experiment, split: str) -> RoomFrames:
    """Open the frames of a split: train, val or test."""
    data = experiment.data
    limit = {'train': data.train_samples, 'val': data.val_samples}.get(split)
    return RoomFrames(data.root, split, limit=limit, views=experiment.network.views)
