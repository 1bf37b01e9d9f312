"""Frames as tensors: inputs of either branch or of both, and their truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ssc_ros.labels import IGNORE_ID
from ssc_ros.metrics import nearest_resize
from ssc_ros.models.batches import collate, to_device
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.inputs import ImenetInputs, normalize_hha, normalize_image
from ssc_ros.models.imenet.processing import prepare_arrays
from training.datasets.segmentation.preparation import resize_picture

from .augmentation import CropDraw, shift_colors
from .frames import JointFrame

Part = Literal['2d', '3d', 'both']


class JointDraw(NamedTuple):
    """
    A sample of the training stream.

    Attributes:
        frame: its index.
        seed: of its augmentation.
        part: the branch that is trained with it.
        is_alone: no labels cross over, so that the image may be cropped and mirrored.
    """

    frame: int
    seed: int
    part: Part
    is_alone: bool


class JointBatch(NamedTuple):
    """
    What a training step takes.

    Attributes:
        frame: (B,) int64 index of each frame within its split.
        labels2d: (B, h, w) uint8, 1 to 11, 0 = unlabelled.
        labels3d: (B, X, Y, Z) uint8, 255 = unknown.
        weight: (B, X, Y, Z) bool, voxels that are learned from and scored.
        is_surface: (B, X, Y, Z) bool, voxels that SC leaves out.
    """

    inputs: ImenetInputs
    frame: Tensor
    labels2d: Tensor
    labels3d: Tensor
    weight: Tensor
    is_surface: Tensor

    def to(self, device: torch.device | str) -> JointBatch:
        """Move every tensor."""
        return JointBatch(to_device(self.inputs, device), *(part.to(device) for part in self[1:]))


class JointDataset(Dataset[JointBatch]):
    """
    Batches of one: augmented where a `JointDraw` asks for them, plain where an index does.

    What only the other branch reads is left out for a draw of one.
    """

    def __init__(
        self, frames: Sequence[JointFrame], config: ImenetConfig, *, augments: bool,
    ) -> None:
        self._frames, self._config, self._augments = frames, config, augments
        self._configs = {'both': config, '2d': pixels_only(config), '3d': voxels_only(config)}

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, item: JointDraw | int) -> JointBatch:
        if isinstance(item, int):
            return self.batch(item, self._frames[item], 'both')
        frame = self._frames[item.frame]
        if not self._augments or item.part == '3d':
            return self.batch(item.frame, frame, item.part)
        rng = np.random.default_rng(item.seed)
        if frame.rgb is not None:
            frame = replace(frame, rgb=shift_colors(frame.rgb, rng))
        if item.part == '2d' and item.is_alone:
            crop = CropDraw.draw(rng, frame.labels2d.shape)
            return self._cropped(self.batch(item.frame, frame, item.part), frame, crop)
        return self.batch(item.frame, frame, item.part)

    def batch(self, index: int, frame: JointFrame, part: Part = 'both') -> JointBatch:
        """Return a frame, unchanged, as a batch of one."""
        config = self._configs[part]
        fine = frame.fine_tsdf if config.tsdf_subdivision > 1 else None
        inputs = prepare_arrays(
            config, tsdf=frame.tsdf if fine is None else fine, voxels=frame.voxels,
            rays=frame.rays, rgb=frame.rgb, hha=frame.hha, label_map=frame.label_map)
        labels2d = torch.from_numpy(nearest_resize(frame.labels2d, config.work_size))[None]
        if part == '2d':
            inputs = inputs._replace(tsdf=None)
        if self._config.image_network == 'none':
            inputs = inputs._replace(pixel_labels=labels2d)
        volumes = [torch.from_numpy(np.ascontiguousarray(volume))[None] for volume in (
            frame.labels3d, frame.weight, frame.is_surface)]
        if self._config.voxel_network == 'none':
            inputs = inputs._replace(voxel_labels=volumes[0])
        if config.voxel_network == 'sketch':
            inputs = inputs._replace(sketch=sketch_of(volumes[0]))
        return JointBatch(inputs, torch.tensor([index]), labels2d, *volumes)

    def _cropped(self, batch: JointBatch, frame: JointFrame, crop: CropDraw) -> JointBatch:
        """Put crops in the place of whole pictures; only the image network may read them."""
        size, inputs = self._config.work_size, batch.inputs

        def picture(image: NDArray[np.uint8]) -> Tensor:
            return torch.from_numpy(resize_picture(crop.apply(image), size))[None]

        def ids(image: NDArray[np.uint8]) -> Tensor:
            return torch.from_numpy(nearest_resize(crop.apply(image), size))[None]
        if inputs.image is not None and frame.rgb is not None:
            inputs = inputs._replace(image=normalize_image(picture(frame.rgb)))
        if inputs.hha is not None and frame.hha is not None:
            inputs = inputs._replace(hha=normalize_hha(picture(frame.hha)))
        if inputs.label_map is not None and frame.label_map is not None:
            inputs = inputs._replace(label_map=ids(frame.label_map))
        return batch._replace(inputs=inputs, labels2d=ids(frame.labels2d))


def pixels_only(config: ImenetConfig) -> ImenetConfig:
    """Return the configuration of the image branch alone, whose TSDF may be the coarse one."""
    if config.image_network == 'none':
        return config
    return replace(config, voxel_network='none', tsdf_subdivision=1, has_dda=False)


def voxels_only(config: ImenetConfig) -> ImenetConfig:
    """Return the configuration of the voxel branch alone."""
    if config.voxel_network == 'none':
        return config
    return replace(config, image_network='none', has_dcp2d=False)


def sketch_of(labels3d: Tensor) -> Tensor:
    """
    Return the edges of (B, X, Y, Z) labels: occupied voxels beside one of another class or empty.

    Args:
        labels3d: uint8 ids, 255 = unknown.

    Returns:
        (B, X, Y, Z) uint8, 0 or 1, 255 where unknown.
    """
    is_known = labels3d != IGNORE_ID
    is_edge = torch.zeros_like(is_known)
    for axis in (1, 2, 3):
        length = labels3d.shape[axis] - 1
        first, second = labels3d.narrow(axis, 0, length), labels3d.narrow(axis, 1, length)
        differs = (first != second) & (first != IGNORE_ID) & (second != IGNORE_ID)
        is_edge.narrow(axis, 0, length).logical_or_(differs)
        is_edge.narrow(axis, 1, length).logical_or_(differs)
    edges = (is_edge & (labels3d > 0)).to(torch.uint8)
    return edges.where(is_known, IGNORE_ID)


def join(batches: Sequence[JointBatch]) -> JointBatch:
    """Join batches along the batch axis."""
    inputs, *others = zip(*batches, strict=True)
    parts: Any = map(torch.cat, others)
    return JointBatch(collate(inputs), *parts)
