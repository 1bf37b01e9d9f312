"""Training stream and validation frames of NYUv2 for networks that read volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch.utils.data import DataLoader, Sampler

from ssc_ros.errors import ConfigurationError
from training.datasets.completion_batches import (
    AmmnetBatch,
    AmmnetDataset,
    Frame,
    KeptFrames,
    ReadFrames,
    join,
    picture_kind,
)
from training.datasets.labelled import Draw
from training.datasets.loading import StreamedData
from training.datasets.nyu import NyuSamples, hold_out
from training.experiment import Experiment
from training.options import PackageData


def open_samples(experiment: Experiment, split: str) -> NyuSamples:
    """
    Open the samples of a split.

    Args:
        split: train, val or test; `data.validate_on` says what val is, and what train leaves out.
    """
    data = experiment.data

    def open_ids(ids: str | Sequence[int]) -> NyuSamples:
        return NyuSamples(
            data.root, ids, images=(picture_kind(experiment.network),),
            skip_broken=data.skip_broken, depth_source=data.depth_source,
            cad_weights=data.cad_weights, cad_root=Path(data.cad_root) if data.cad_root else None)
    return open_split_samples(data, split, open_ids)


def open_split_samples(
    data: PackageData, split: str,
    open_ids: Callable[[str | Sequence[int]], NyuSamples],
) -> NyuSamples:
    """
    Open the samples of a split, as many of them as are asked for.

    Args:
        open_ids: opens train, test, or frames by their numbers.
    """
    limit = {'train': data.train_samples, 'val': data.val_samples}.get(split)
    is_test = split == 'test' or (split == 'val' and data.validate_on == 'test')
    samples = open_ids('test' if is_test else 'train')
    ids = samples.frame_ids
    if data.validate_on == 'held_out' and not is_test:
        kept, held = hold_out(ids, data.held_out)
        ids = held if split == 'val' else kept
    if not ids[:limit]:
        raise ConfigurationError(f'no frame is left for {split}: data.held_out is {data.held_out}')
    return samples if ids[:limit] == samples.frame_ids else open_ids(ids[:limit])


class VolumeData(StreamedData):
    """
    Frames of NYUv2, all kept in memory where `data.cache` says so.

    What one training step takes is one batch: the system cuts it where it accumulates.
    """

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self._samples = {part: open_samples(experiment, part) for part in ('train', 'val')}
        self._stores: dict[str, Sequence[Frame]] = {}
        self.num_train, self.num_val = (len(self._samples[part]) for part in ('train', 'val'))

    def loader(
        self, part: str, order: Sampler[Draw] | Sequence[int], batch_size: int,
    ) -> DataLoader[AmmnetBatch]:
        """Return a loader of `train` or `val` frames in an order."""
        experiment = self._experiment
        dataset = AmmnetDataset(self._store(part), experiment.network, experiment.data)
        if part == 'train':
            batch_size *= experiment.optimization.accumulate_batches
        # Frames on a GPU are augmented there, which other processes could not do.
        workers = 0 if experiment.data.cache == 'device' else experiment.data.workers
        return DataLoader(
            dataset, batch_size, sampler=order, num_workers=workers, collate_fn=join,
            persistent_workers=workers > 0)

    def _store(self, part: str) -> Sequence[Frame]:
        """Return the frames, read once."""
        if part not in self._stores:
            data, samples = self._experiment.data, self._samples[part]
            kind = picture_kind(self._experiment.network)
            assert self.trainer is not None
            device = self.trainer.strategy.root_device if data.cache == 'device' else 'cpu'
            self._stores[part] = ReadFrames(samples, kind) if data.cache == 'none' else KeptFrames(
                samples, kind, tsdf_precision=data.tsdf_precision, device=device)
        return self._stores[part]
