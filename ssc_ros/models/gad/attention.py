"""Attention over all positions of a map, or over a window, without ever holding all weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


def global_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """
    Return softmax_j(query_i . key_j) value_j at every position i of a map.

    Logits are not scaled and keep single precision under autocast: the softmax is peaky. The fused
    kernels of PyTorch go through the keys in blocks, so that memory grows with the positions and
    not with their square.

    Args:
        query: (B, C, H, W).
        key, value: (B, C, h, w), of another size where they are pooled.
    """
    with torch.autocast(query.device.type, enabled=False):
        gathered = F.scaled_dot_product_attention(
            _rows(query), _rows(key), _rows(value), scale=1.0)
    batch, channels, height, width = query.shape
    return gathered.view(batch, height, width, channels).permute(0, 3, 1, 2).contiguous()


def _rows(features: Tensor) -> Tensor:
    """Turn (B, C, H, W) into one head of rows, (B, 1, H * W, C)."""
    batch, channels, height, width = features.shape
    # Contiguous, as the fused kernels want it; and permuted before it is flattened, or the
    # gradient of a single sample gets strides that batch norms misread on CPUs (PyTorch 2.13).
    rows = _at_least_single(features).permute(0, 2, 3, 1).contiguous()
    return rows.view(batch, 1, height * width, channels)


def _at_least_single(features: Tensor) -> Tensor:
    return features.to(torch.promote_types(features.dtype, torch.float32))


def local_attention(query: Tensor, key: Tensor, value: Tensor, *, window: int) -> Tensor:
    """
    Return what `global_attention` does over the ``window`` x ``window`` neighbours alone.

    Neighbours outside the map have no weight. All arguments are (B, C, H, W).
    """
    height, width = query.shape[-2:]
    with torch.autocast(query.device.type, enabled=False):
        query, key, value = _at_least_single(query), _at_least_single(key), _at_least_single(value)
        logits = torch.stack(
            [(query * neighbour).sum(dim=1) for neighbour in _neighbours(key, window)], dim=1)
        is_inside = torch.cat(list(_neighbours(key.new_ones(1, 1, height, width), window)), dim=1)
        weights = logits.masked_fill(is_inside == 0, -torch.inf).softmax(dim=1)
        gathered = torch.zeros_like(value)
        for index, neighbour in enumerate(_neighbours(value, window)):
            gathered = gathered + weights[:, index:index + 1] * neighbour
    return gathered


def _neighbours(features: Tensor, window: int) -> Iterator[Tensor]:
    """Yield (B, C, H, W) shifted to each place of a window, zeros outside."""
    height, width = features.shape[-2:]
    reach = window // 2
    padded = F.pad(features, (reach, reach, reach, reach))
    for row in range(window):
        for column in range(window):
            yield padded[..., row:row + height, column:column + width]
