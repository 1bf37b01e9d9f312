"""Labelled images as tensors, read once or each time, and their batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.inputs import normalize_image
from training.datasets.labelled import Draw
from training.options import GadData

from .augmentation import ImageDraw
from .image import LabelledImages
from .preparation import ResizedImage, resize_image


class SegmentationBatch(NamedTuple):
    """
    What a training step takes.

    Attributes:
        images: (B, C, H, W) as the network takes them.
        labels: (B, H, W) uint8, 0 = unlabelled.
        depth_m: (B, H, W) float32, 0 = unknown.
        has_depth: (B,) bool, whether depth of the image is learned from.
    """

    images: Tensor
    labels: Tensor
    depth_m: Tensor
    has_depth: Tensor


class ResizedImages(Sequence[ResizedImage]):
    """Images at the size of the network, kept in memory once they were read, or not."""

    def __init__(self, images: LabelledImages, config: GadConfig, *, keeps: bool) -> None:
        self._images, self._config, self._keeps = images, config, keeps
        self._kept: dict[int, ResizedImage] = {}

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> ResizedImage:  # type: ignore[override]
        if index in self._kept:
            return self._kept[index]
        resized = resize_image(self._images[index], self._config)
        if self._keeps:
            self._kept[index] = resized
        return resized


class SegmentationDataset(Dataset[SegmentationBatch]):
    """
    Batches of one: augmented where a `Draw` asks for them, in their middle where an index does.

    Args:
        has_depth: which images' depth may be learned from; None takes all that have one.
    """

    def __init__(
        self, images: Sequence[ResizedImage], config: GadConfig, data: GadData,
        has_depth: NDArray[np.bool_] | None = None,
    ) -> None:
        self._images, self._config, self._data = images, config, data
        self._has_depth = has_depth

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, item: Draw | int) -> SegmentationBatch:
        size, config = self._config.image_size, self._config
        if isinstance(item, Draw):
            crop = self._data.train_crop or config.network_size
            draw = ImageDraw.draw(np.random.default_rng(item.seed), self._data, size, crop)
            return self._batch(item.frame, draw, crop)
        crop = config.network_size
        return self._batch(item, ImageDraw.middle(size, crop), crop)

    def _batch(self, index: int, draw: ImageDraw, crop: tuple[int, int]) -> SegmentationBatch:
        image = self._images[index]
        is_taught = image.depth_mm is not None and (
            self._has_depth is None or bool(self._has_depth[index]))
        depth_mm = image.depth_mm if is_taught and image.depth_mm is not None else (
            np.zeros(image.labels.shape, np.uint16))
        picture, labels, depth = (
            draw.cropped(torch.from_numpy(array), crop).contiguous() for array in (
                image.picture, image.labels, depth_mm.astype(np.float32) / np.float32(1000)))
        images = normalize_image(draw.recolored(picture)[None], self._config)
        return SegmentationBatch(
            images, labels[None], depth[None], torch.tensor([is_taught]))


def join(batches: Sequence[SegmentationBatch]) -> SegmentationBatch:
    """Join batches along the batch axis."""
    return SegmentationBatch(*map(torch.cat, zip(*batches, strict=True)))
