"""From pixels to voxels and back: each visible voxel looks at the one pixel it owns."""

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
        ones = torch.ones_like(values[:, 0])  # by its shape: a length would be fixed by an export
        count = _added(values.new_zeros(batch * x * y * z), cell, ones).clamp(min=1)
        volume = _added(volume, cell, values) / count[:, None]
    return volume.view(batch, x, y, z, -1).permute(0, 4, 1, 2, 3)


def _added(volume: Tensor, cell: Tensor, values: Tensor) -> Tensor:
    """Add (M, ...) values to the rows of a volume that (M,) cells name, some repeatedly."""
    if torch.onnx.is_in_onnx_export():  # which loses repetitions of index_add
        rows = cell.view(-1, *(1,) * (values.dim() - 1)).expand_as(values)
        return volume.scatter_add(0, rows, values)
    return volume.index_add(0, cell, values)


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


def pixel_of_voxel_from(voxel_of_pixel: Tensor, num_voxels: int) -> Tensor:
    """
    Invert (B, H, W) int64 voxel of every pixel, -1 = none, into ``pixel_of_voxel`` (B, N).

    Of several pixels that point to one voxel, as in an enlarged image, the highest index wins.
    """
    batch, flat = voxel_of_pixel.shape[0], voxel_of_pixel.flatten(1)
    pixels = torch.arange(flat.shape[1], device=flat.device).expand_as(flat)
    # One more column takes the pixels without a voxel.
    highest = flat.new_full((batch, num_voxels + 1), -1).scatter_reduce(
        1, flat.where(flat >= 0, num_voxels), pixels, 'amax')[:, :num_voxels]
    return highest.where(highest >= 0, flat.shape[1])


def voxel_of_pixel_from(pixel_of_voxel: Tensor, image_size: tuple[int, int]) -> Tensor:
    """
    Invert ``pixel_of_voxel`` (B, N) into the voxel of every pixel, (B, H, W) int64, -1 = none.

    Of several voxels that own one pixel the highest index wins.
    """
    batch, pixels = pixel_of_voxel.shape[0], image_size[0] * image_size[1]
    voxels = torch.arange(pixel_of_voxel.shape[1], device=pixel_of_voxel.device)
    highest = pixel_of_voxel.new_full((batch, pixels + 1), -1).scatter_reduce(
        1, pixel_of_voxel, voxels.expand_as(pixel_of_voxel), 'amax')
    return highest[:, :pixels].reshape(batch, *image_size)
