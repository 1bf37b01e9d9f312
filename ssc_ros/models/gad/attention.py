"""Attention over all positions of a map, or over a window, without ever holding all weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


def global_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """
    Return softmax_j(query_i . key_j) value_j at every position i of a map.

    Logits are not scaled and stay in float32 under autocast: the softmax is peaky. The fused
    kernels of PyTorch go through the keys in blocks, so that memory grows with the positions and
    not with their square.

    Args:
        query: (B, C, H, W).
        key, value: (B, C, h, w), of another size where they are pooled.
    """
    with torch.autocast(query.device.type, enabled=False):
        gathered = F.scaled_dot_product_attention(
            _rows(query), _rows(key), _rows(value), scale=1.0)[:, 0]
    return gathered.transpose(1, 2).reshape(query.shape)


def _rows(features: Tensor) -> Tensor:
    """Turn (B, C, H, W) into one head of float32 rows, (B, 1, H * W, C)."""
    return features.float().flatten(2).transpose(1, 2)[:, None].contiguous()


def local_attention(query: Tensor, key: Tensor, value: Tensor, *, window: int) -> Tensor:
    """
    Return what `global_attention` does over the ``window`` x ``window`` neighbours alone.

    Neighbours outside the map have no weight. All arguments are (B, C, H, W).
    """
    height, width = query.shape[-2:]
    with torch.autocast(query.device.type, enabled=False):
        query, key, value = query.float(), key.float(), value.float()
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
