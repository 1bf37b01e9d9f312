"""Training stream, in stages, and validation frames of networks that label pixels and voxels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Sampler

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.config import ImenetConfig
from training.datasets.completion_loading import open_split_samples
from training.datasets.loading import StreamedData, StreamSampler
from training.datasets.nyu import NyuSamples
from training.datasets.rooms import RoomFrames
from training.datasets.synthetic import load_room
from training.experiment import Experiment
from training.systems.stages import Stage, frames_of, plan_stages

from .batches import JointBatch, JointDataset, JointDraw, join
from .frames import JointFrames, nyu_frame, room_frame

# Streams of two stages never meet.
_SEEDS_PER_STAGE = 1_000_003


class StageSampler(Sampler[list[JointDraw]]):
    """
    Batches of all stages from one step on; step and seed alone decide them.

    Args:
        frames: of the training split.
        start, stop: steps of the run.
        rank, world: this process takes its part of each step.
    """

    def __init__(
        self, stages: Sequence[Stage], frames: int, seed: int, *, start: int, stop: int,
        rank: int = 0, world: int = 1,
    ) -> None:
        self._stages, self._frames, self._seed = stages, frames, seed
        self._start, self._stop, self._rank, self._world = start, stop, rank, world

    def __len__(self) -> int:
        """Return the steps of the whole run: a resumed one counts those it has done, too."""
        return self._stop

    def __iter__(self) -> Iterator[list[JointDraw]]:
        for number, stage in enumerate(self._stages):
            first, last = max(stage.start, self._start), min(stage.stop, self._stop)
            if first < last:
                yield from self._batches(number, stage, first, last)

    def _batches(
        self, number: int, stage: Stage, first: int, last: int,
    ) -> Iterator[list[JointDraw]]:
        frames = frames_of(stage.member, self._frames)
        per_step = stage.batch_size * self._world
        stream = iter(StreamSampler(
            len(frames), self._seed + _SEEDS_PER_STAGE * number,
            start=(first - stage.start) * per_step, stop=(last - stage.start) * per_step,
            rank=self._rank, world=self._world))
        for _ in range(first, last):
            yield [JointDraw(int(frames[draw.frame]), draw.seed, stage.branch, stage.is_alone)
                   for draw in (next(stream) for _ in range(stage.batch_size))]


def image_kinds(config: ImenetConfig) -> tuple[str, ...]:
    """Return the images of a package that a configuration reads or learns from."""
    kinds = ['label_map40', 'depth']
    if config.reads_image:
        kinds.append('rgb')
    if config.image_network == 'labels':
        kinds.append('label_map13')
    return tuple(kinds)


class JointData(StreamedData):
    """
    Frames of NYUv2, NYUCAD or synthetic rooms, in the stages of an experiment.

    A kept frame takes 3 MB with its colours, 2 MB more at small working sizes where pixels are
    looked up along their rays, and 17 MB more where the network reads the fine TSDF.
    """

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self.frames = {part: open_frames(experiment, part) for part in ('train', 'val')}
        self.num_train, self.num_val = (len(self.frames[part]) for part in ('train', 'val'))

    def train_dataloader(self) -> DataLoader[JointBatch]:
        """Return the rest of the stream, from the trainer's current step on."""
        trainer, experiment = self.trainer, self._experiment
        assert trainer is not None
        total = trainer.max_steps
        sampler = StageSampler(
            plan_stages(experiment, total), self.num_train, experiment.run.seed,
            start=trainer.global_step, stop=total, rank=trainer.global_rank,
            world=trainer.world_size)
        workers = experiment.data.workers
        return DataLoader(
            self.dataset('train'), batch_sampler=sampler, num_workers=workers, collate_fn=join,
            persistent_workers=workers > 0)

    def loader(
        self, part: str, order: Sampler[Any] | Sequence[int], batch_size: int,
    ) -> DataLoader[JointBatch]:
        """Return a loader of whole, unchanged `train` or `val` frames in an order."""
        return DataLoader(
            self.dataset(part), batch_size, sampler=order, collate_fn=join,
            num_workers=self._experiment.data.workers)

    def dataset(self, part: str) -> JointDataset:
        """Return batches of one of `train` or `val`."""
        experiment = self._experiment
        return JointDataset(self.frames[part], experiment.network,
                            augments=experiment.data.augments_images)


def open_frames(experiment: Experiment, split: str) -> JointFrames:
    """
    Open the frames of a split.

    Args:
        split: train, val or test; `data.validate_on` says what val is, and what train leaves out.
    """
    data, config = experiment.data, experiment.network
    keeps = data.cache == 'host' and split != 'test'
    if data.reader == 'rooms':
        if data.validate_on == 'held_out':
            raise ConfigurationError('rooms have a validation split: set data.validate_on to test')
        paths = RoomFrames(data.root, split).paths[:_limit(data, split)]
        return JointFrames(paths, lambda path: room_frame(load_room(path), config, data.gt2d),
                           keeps=keeps)

    def open_ids(ids: str | Sequence[int]) -> NyuSamples:
        return NyuSamples(
            data.root, ids, images=image_kinds(config), skip_broken=data.skip_broken,
            depth_source=data.depth_source, cad_weights=data.cad_weights,
            cad_root=Path(data.cad_root) if data.cad_root else None)
    samples = open_split_samples(data, split, open_ids)
    return JointFrames(
        samples, partial(nyu_frame, config=config, pixel_truth=data.gt2d), keeps=keeps,
        missing=[broken.frame_id for broken in samples.broken])


def _limit(data: Any, split: str) -> int | None:
    limit: int | None = {'train': data.train_samples, 'val': data.val_samples}.get(split)
    return limit
