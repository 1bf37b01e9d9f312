"""NYUv2 samples as tensors, kept on a device or read when asked for, and their batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ssc_ros.errors import DataError
from ssc_ros.models.ammnet.augmentation import Augmentation3D
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.inputs import AmmnetInputs, normalize_image
from ssc_ros.models.batches import collate
from ssc_ros.models.layers.projection import pixel_of_voxel_from, voxel_of_pixel_from
from training.datasets.labelled import Draw
from training.datasets.nyu import NyuSamples, load_arrays
from training.datasets.nyu.augmentation import ImageChange
from training.datasets.tensor_augmentation import augment_picture, change_ids
from training.losses import pixel_labels
from training.options import AmmnetData


class AmmnetBatch(NamedTuple):
    """
    What a training step takes.

    Attributes:
        labels: (B, X, Y, Z) uint8, 255 = unknown.
        weight: (B, X, Y, Z) bool, voxels that are learned from and scored.
        pixel_labels: (B, H, W) uint8, the label of the voxel that a pixel shows, else 255.
    """

    inputs: AmmnetInputs
    labels: Tensor
    weight: Tensor
    pixel_labels: Tensor

    def split(self, size: int) -> list[AmmnetBatch]:
        """Cut into batches of at most `size` samples."""
        starts = range(0, len(self.labels), size)
        return [AmmnetBatch(
            AmmnetInputs._make(None if part is None else part[start:start + size]
                               for part in self.inputs),
            *(part[start:start + size] for part in self[1:])) for start in starts]


class Frame(NamedTuple):
    """
    One frame as stored.

    Attributes:
        picture: (3, H, W) uint8 RGB or (H, W) uint8 label map.
        tsdf, labels, weight: (X, Y, Z) float16 or float32, uint8, bool.
        pixel_of_voxel: (N,) int32 or int64.
    """

    picture: Tensor
    tsdf: Tensor
    labels: Tensor
    weight: Tensor
    pixel_of_voxel: Tensor


def picture_kind(config: AmmnetConfig) -> str:
    """Return the image that a configuration reads."""
    return 'label_map13' if config.reads_label_maps else 'rgb'


class ReadFrames(Sequence[Frame]):
    """Frames read from their files each time: hardly any memory."""

    def __init__(self, samples: NyuSamples, kind: str) -> None:
        self._samples, self._kind = samples, kind

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Frame:  # type: ignore[override]
        sample = self._samples[index]
        picture = getattr(sample, self._kind)
        if picture is None:
            raise DataError(
                f'frame {sample.frame_id:04d} has no {self._kind}: copy it from the package')
        arrays = (
            picture, sample.tsdf, sample.labels, sample.label_weight, sample.pixel_of_voxel)
        picture, *volumes = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
        return Frame(_channels_first(picture), *volumes)


class KeptFrames(Sequence[Frame]):
    """Frames in the memory of a device: 1.3 MB each with a label map, 2.0 MB with colours."""

    def __init__(
        self, samples: NyuSamples, kind: str, *, tsdf_precision: Literal['float16', 'float32'],
        device: torch.device | str,
    ) -> None:
        arrays = load_arrays(samples, images=(kind,), tsdf_dtype=tsdf_precision)
        self._parts = [torch.from_numpy(getattr(arrays, name)).to(device) for name in (
            kind, 'tsdf', 'labels', 'label_weight', 'pixel_of_voxel')]

    def __len__(self) -> int:
        return len(self._parts[0])

    def __getitem__(self, index: int) -> Frame:  # type: ignore[override]
        picture, *volumes = (part[index] for part in self._parts)
        return Frame(_channels_first(picture), *volumes)


def _channels_first(picture: Tensor) -> Tensor:
    return picture.permute(2, 0, 1) if picture.dim() == 3 else picture


class AmmnetDataset(Dataset[AmmnetBatch]):
    """Batches of one: augmented where a `Draw` asks for them, plain where an index does."""

    def __init__(
        self, frames: Sequence[Frame], config: AmmnetConfig, data: AmmnetData,
    ) -> None:
        self._frames, self._config, self._data = frames, config, data

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, item: Draw | int) -> AmmnetBatch:
        if isinstance(item, Draw):
            return self._batch(self._frames[item.frame], item.seed)
        return self._batch(self._frames[item])

    def _batch(self, frame: Frame, seed: int | None = None) -> AmmnetBatch:
        picture, pixels = frame.picture, frame.pixel_of_voxel.long()
        rng = None if seed is None else np.random.default_rng(seed)
        change = ImageChange.draw(rng) if rng and self._data.augments_images else None
        height, width = picture.shape[-2:]
        voxels = voxel_of_pixel_from(pixels[None], (height, width))
        if change is not None:
            picture = augment_picture(picture, change, rng, self._data.photometric)
            voxels = change_ids(voxels, change, padding=-1)
            pixels = pixel_of_voxel_from(voxels, len(pixels))
        volumes = [frame.tsdf.float(), frame.labels, frame.weight, pixels.view_as(frame.labels)]
        if rng is not None and self._config.augmentation_3d == 'input':
            flips_x, flips_z, swaps = (rng.random(3) < 0.5).tolist()
            turn = Augmentation3D(flips_x, flips_z, swaps and self._config.augmentation_swap)
            volumes = [turn.apply(volume) for volume in volumes]
        tsdf, labels, weight, pixels = (volume[None] for volume in volumes)
        reads_labels = self._config.reads_label_maps
        inputs = AmmnetInputs(
            image=None if reads_labels else normalize_image(picture[None]),
            label_map=picture[None] if reads_labels else None,
            tsdf=tsdf[None], pixel_of_voxel=pixels.flatten(1))
        return AmmnetBatch(inputs, labels, weight, pixel_labels(frame.labels[None], voxels))


def join(batches: Sequence[AmmnetBatch]) -> AmmnetBatch:
    """Join batches along the batch axis."""
    inputs, *others = zip(*batches, strict=True)
    return AmmnetBatch(collate(inputs), *map(torch.cat, others))

