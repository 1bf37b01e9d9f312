"""From image features to voxel features: each visible voxel looks at the one pixel it owns."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class VisibleVoxels(NamedTuple):
    """
    The M visible voxels of a batch.

    Attributes:
        sample: (M,) int64 index in the batch.
        voxel: (M,) int64 flat voxel index.
        pixel: (M,) int64 flat pixel index.
    """

    sample: Tensor
    voxel: Tensor
    pixel: Tensor


def visible_voxels(pixel_of_voxel: Tensor, num_pixels: int) -> VisibleVoxels:
    """List the voxels of (B, N) int64 ``pixel_of_voxel`` that own a pixel below ``num_pixels``."""
    sample, voxel = torch.nonzero(pixel_of_voxel < num_pixels, as_tuple=True)
    return VisibleVoxels(sample, voxel, pixel_of_voxel[sample, voxel])


def sample_features(
    features: Tensor, visible: VisibleVoxels, image_size: tuple[int, int], *,
    align_corners: bool = False,
) -> Tensor:
    """
    Return (M, C): features (B, C, h, w) at pixels of an image of (height, width).

    The same as resizing the features to the image bilinearly and picking the pixels, without the
    other 99 % of the work.
    """
    maps = features.permute(0, 2, 3, 1)
    row, column = visible.pixel // image_size[1], visible.pixel % image_size[1]
    top, bottom, down = _neighbours(row, image_size[0], maps.shape[1], align_corners)
    left, right, across = _neighbours(column, image_size[1], maps.shape[2], align_corners)
    down, across = down[:, None].to(features.dtype), across[:, None].to(features.dtype)
    batch = visible.sample
    upper = maps[batch, top, left] * (1 - across) + maps[batch, top, right] * across
    lower = maps[batch, bottom, left] * (1 - across) + maps[batch, bottom, right] * across
    return upper * (1 - down) + lower * down


def _neighbours(
    index: Tensor, size: int, source_size: int, align_corners: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the two source indices around a resized image's index and the second's weight."""
    if align_corners:
        source = index * ((source_size - 1) / max(size - 1, 1))
    else:
        source = ((index + 0.5) * (source_size / size) - 0.5).clamp(min=0)
    low = source.floor().long()
    return low, (low + 1).clamp(max=source_size - 1), source - low


def scatter_to_volume(
    values: Tensor, visible: VisibleVoxels, batch: int, grid_shape: tuple[int, int, int],
    *, stride: int = 1,
) -> Tensor:
    """
    Return (B, C, X, Y, Z), channels last in memory, with (M, C) values at their voxels.

    Args:
        stride: of the volume's cells in voxels; a cell takes the mean over its visible voxels.
    """
    x, y, z = (length // stride for length in grid_shape)
    cell = _cell_of_voxel(visible.voxel, grid_shape, stride) + visible.sample * (x * y * z)
    volume = values.new_zeros(batch * x * y * z, values.shape[1])
    if stride == 1:
        volume = volume.index_copy(0, cell, values)
    else:
        ones = values.new_ones(len(values))
        count = values.new_zeros(len(volume)).index_add(0, cell, ones).clamp(min=1)
        volume = volume.index_add(0, cell, values) / count[:, None]
    return volume.view(batch, x, y, z, -1).permute(0, 4, 1, 2, 3)


def _cell_of_voxel(voxel: Tensor, grid_shape: tuple[int, int, int], stride: int) -> Tensor:
    if stride == 1:
        return voxel
    _, height, depth = grid_shape
    x, y, z = voxel // (height * depth), voxel // depth % height, voxel % depth
    return (x // stride * (height // stride) + y // stride) * (depth // stride) + z // stride


def fill_holes(volume: Tensor) -> Tensor:
    """Give every zero of (B, C, X, Y, Z) the mean of its 3x3x3 neighbourhood, zeros included."""
    # CPUs pool single precision only.
    mean = F.avg_pool3d(volume.float(), 3, 1, 1).to(volume.dtype)
    return volume + mean * (volume == 0)
