"""Training stream and validation chunks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.batches import collate
from training.datasets.labelled import Draw
from training.datasets.loading import StreamedData
from training.datasets.scans.prepare import CHUNKS, FRAME_LISTS
from training.datasets.scans.spsg import ChunkPair, find_chunks
from training.experiment import Experiment

from .batches import ChunkBatch, ChunkDataset, chunk_labels

# So many chunks, spread evenly, tell how often classes occur.
COUNTED_CHUNKS = 200


class ChunkData(StreamedData):
    """Chunks of an experiment; what is validated is scored as a scene of its own."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        data = experiment.data
        limits = {'train': data.train_samples, 'val': data.val_samples}
        self._roots = {part: Path(data.root) / part for part in limits}
        self._pairs = {part: open_chunks(root)[:limits[part]]
                       for part, root in self._roots.items()}
        self.num_train, self.num_val = (len(self._pairs[part]) for part in ('train', 'val'))

    def loader(
        self, part: str, order: Sampler[Draw] | Sequence[int], batch_size: int,
    ) -> DataLoader[ChunkBatch]:
        """Return a loader of `train` or `val` chunks in an order."""
        experiment, workers = self._experiment, self._experiment.data.workers
        renders = part == 'train' and experiment.losses.supervision == 'views'
        dataset = ChunkDataset(
            self._pairs[part], self._roots[part], experiment.network, experiment.data,
            views=experiment.data.views if renders else 0)
        return DataLoader(
            dataset, batch_size, sampler=order, num_workers=workers, collate_fn=collate,
            persistent_workers=workers > 0)

    def class_frequencies(self) -> Tensor:
        """Return (C,) shares of the classes among the labelled surface voxels of training."""
        pairs = self._pairs['train']
        chosen = np.unique(np.linspace(0, len(pairs) - 1, COUNTED_CHUNKS).round().astype(int))
        counts: NDArray[np.int64] = np.zeros(256, np.int64)
        for index in chosen:
            target = pairs[index].read()[1].volume
            counts += np.bincount(chunk_labels(pairs[index], target).ravel(), minlength=256)
        counts[IGNORE_ID] = 0
        classes = counts[:self._experiment.network.num_classes]
        return torch.from_numpy(classes / max(int(counts.sum()), 1)).float()


def open_chunks(root: Path) -> list[ChunkPair]:
    """Return the chunks of a split's folder."""
    return find_chunks(root / CHUNKS, root / FRAME_LISTS)
