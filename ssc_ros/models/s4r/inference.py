"""Completion of whole scenes, window by window, and the network folded for it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.layers.folding import fold_batch_norms
from ssc_ros.models.s4r.completed_columns import CompletedColumns
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inputs import (
    INPUT_CHANNELS,
    TRUNCATION_VOXELS,
    CompletedVolume,
    S4rOutput,
)
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.windows import Windowing, axis_weights, plane_weights, window_starts

# Completes a batch of chunks (B, 5, Z, Y, X).
Predict = Callable[[Tensor], S4rOutput]


def optimized(network: S4rNetwork) -> S4rNetwork:
    """Return a copy in eval mode whose convolutions hold the batch norms that follow them."""
    folded = deepcopy(network).eval()
    fold_batch_norms(folded)
    return folded.requires_grad_(False)


@torch.no_grad()
def complete_volume(
    volume: Tensor, predict: Predict, config: S4rConfig, windowing: Windowing | None = None,
) -> CompletedVolume:
    """
    Complete a scene of any size.

    Windows without a measured surface are left alone. Memory beyond the answer grows with the
    width of a window times the scene's extent along y, not with the scene.

    Args:
        volume: (5, Z, Y, X) as the network takes it, the floor near the third layer; what is
            higher than a chunk is left alone.
        predict: runs the network; may do so on another device.
        config: of the network.
    """
    if volume.dim() != 4 or volume.shape[0] != INPUT_CHANNELS:
        raise ValueError(f'the volume is {tuple(volume.shape)}: expected (5, Z, Y, X)')
    windowing = windowing or Windowing()
    stride = windowing.stride_of(config.chunk_shape)
    _, rows, columns = config.chunk_shape
    row_starts = window_starts(volume.shape[2], rows, stride)
    column_starts = window_starts(volume.shape[3], columns, stride)
    padded = _padded(volume, config, (row_starts[-1] + rows, column_starts[-1] + columns))
    completed = CompletedColumns(config, padded.shape[2], windowing, volume.shape[1:])
    for column in column_starts:
        across = axis_weights(
            columns, stride, windowing.blend, is_first=column == 0,
            is_last=column == column_starts[-1])
        strip = padded[..., column:column + columns]
        busy = [row for row in row_starts if _has_surface(strip[:, :, row:row + rows])]
        for first in range(0, len(busy), windowing.batch):
            batch = busy[first:first + windowing.batch]
            output = predict(torch.stack([strip[:, :, row:row + rows] for row in batch])).float()
            for index, row in enumerate(batch):
                along = axis_weights(
                    rows, stride, windowing.blend, is_first=row == 0,
                    is_last=row == row_starts[-1])
                completed.add(output, index, plane_weights(along, across), row)
        completed.finish(columns if column == column_starts[-1] else stride)
    return completed.result()


def _padded(volume: Tensor, config: S4rConfig, plane: tuple[int, int]) -> Tensor:
    """Return the volume at the height of a chunk and of a size in y and x, unobserved beyond."""
    height = config.chunk_shape[0]
    cropped = volume[:, :height]
    _, z, y, x = cropped.shape
    padded = F.pad(cropped, (0, plane[1] - x, 0, plane[0] - y, 0, height - z))
    distances = padded[0]
    for beyond in (distances[z:], distances[:, y:], distances[..., x:]):
        beyond.fill_(-TRUNCATION_VOXELS)
    return padded


def _has_surface(window: Tensor) -> bool:
    return bool((window[0].abs() < TRUNCATION_VOXELS).any())
