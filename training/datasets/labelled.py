"""Labelled frames and the batches that networks learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.models.batches import collate
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.inputs import OccDepthInputs, mirrored
from ssc_ros.models.occdepth.processing import FramePreparation, fit_to_network
from training.datasets.augmentation import disturb_images, jitter_frame
from training.losses import frustum_cells
from training.options import DataOptions


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """
    A frame with its truth.

    Attributes:
        labels: (X, Y, Z) uint8 in the frame's grid, 255 = unknown.
        depth_m: (K, H, W) float32 teacher depth of the first K images, 0 = missing.
    """

    frame: StereoFrame | RgbdFrame
    labels: NDArray[np.uint8]
    depth_m: NDArray[np.float32] | None = None


class Batch(NamedTuple):
    """
    What a training step takes.

    Attributes:
        images: (B, V, 3, H, W) normalized.
        labels: (B, X, Y, Z) uint8.
        depth_m: (B, K, H, W) teacher depth at network size.
        cells: (B, V, X Y Z) uint8 image patches of `frustum_cells`.
    """

    images: Tensor
    inputs: OccDepthInputs
    labels: Tensor
    depth_m: Tensor | None = None
    cells: Tensor | None = None


class Draw(NamedTuple):
    """A sample of the training stream: which frame, and the seed of its augmentation."""

    frame: int
    seed: int


class SampleMaker:
    """
    Turns labelled frames into batches of one, by the same preparation that the nodes run.

    Args:
        with_cells: also compute what the frustum loss needs.
    """

    def __init__(self, config: OccDepthConfig, data: DataOptions, *, with_cells: bool) -> None:
        self._config, self._data = config, data
        self._prepare = FramePreparation(config)
        # Frusta are counted at label resolution, whatever resolution features are lifted to.
        self._prepare_full = FramePreparation(replace(
            config, project_scale=1, gather='nearest', depth_prior=False,
            depth_matching=False)) if with_cells else None

    def __call__(self, labelled: LabelledFrame, seed: int | None = None) -> Batch:
        """Prepare a frame; with a seed, augment it."""
        frame = labelled.frame
        rng = None if seed is None else np.random.default_rng(seed)
        if rng is not None:
            frame = jitter_frame(
                frame, rng, self._data.color_jitter, shared=self._data.shared_jitter)
        prepared = self._prepare(frame)
        images = prepared.images
        if seed is not None and self._data.strong_augmentation:
            images = disturb_images(images[0], seed, shared=self._data.shared_jitter)[None]
        batch = Batch(
            images, prepared.inputs, torch.from_numpy(labelled.labels)[None],
            self._depth(labelled), self._cells(frame))
        if rng is not None and rng.random() < self._data.flip_probability:
            batch = mirrored_batch(batch)
        return batch

    def _depth(self, labelled: LabelledFrame) -> Tensor | None:
        if labelled.depth_m is None or self._config.depth_supervision == 'none':
            return None
        fit = fit_to_network(labelled.frame.camera, self._config)
        views = [fit.apply(view, nearest=True) for view in labelled.depth_m]
        return torch.from_numpy(np.stack(views))[None]

    def _cells(self, frame: StereoFrame | RgbdFrame) -> Tensor | None:
        if self._prepare_full is None:
            return None
        tables = self._prepare_full(frame).inputs
        return frustum_cells(tables.pixels, tables.in_view, self._config.image_size)


def mirrored_batch(batch: Batch) -> Batch:
    """Mirror images and tables; the voxels stay, and so do the patches they were counted in."""
    return batch._replace(
        images=batch.images.flip(-1), inputs=mirrored(batch.inputs, batch.images.shape[-1]),
        depth_m=None if batch.depth_m is None else batch.depth_m.flip(-1))


def join(batches: Sequence[Batch]) -> Batch:
    """Join batches along the batch axis."""
    images, inputs, labels, depth_m, cells = zip(*batches, strict=True)
    return Batch(
        torch.cat(images), collate(inputs), torch.cat(labels),
        None if depth_m[0] is None else torch.cat(depth_m),
        None if cells[0] is None else torch.cat(cells))


class CompletionDataset(Dataset[Batch]):
    """Batches of one: augmented where a `Draw` asks for them, plain where an index does."""

    def __init__(self, frames: Sequence[LabelledFrame], make: SampleMaker) -> None:
        self._frames, self._make = frames, make

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, item: Draw | int) -> Batch:
        if isinstance(item, Draw):
            return self._make(self._frames[item.frame], item.seed)
        return self._make(self._frames[item])
