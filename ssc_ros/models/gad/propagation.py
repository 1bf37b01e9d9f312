"""Geometry-aware propagation: depth says which semantic features belong together (Sec. 3.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.models.gad.attention import global_attention, local_attention
from ssc_ros.models.gad.config import GadConfig


def _projection(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))


class AffinityPropagation(nn.Module):
    """
    Eq. 5: a mean of projected semantic features, weighted by depth affinity, is added to them.

    The weights are exp(eta(G_i) . phi(G_j)), as in the authors' release: the plain products of
    Eq. 4 may sum to zero.
    """

    def __init__(self, config: GadConfig) -> None:
        super().__init__()
        features, inner = config.decoder_channels[-1], config.gap_channels
        self.mode, self.pool, self.window = config.gap, config.gap_pool, config.gap_window
        self.query = _projection(features, inner)
        self.key = _projection(features, inner)
        self.value = _projection(features, inner)
        self.output = _projection(inner, features)

    def forward(self, depth: Tensor, semantic: Tensor) -> Tensor:
        """Map depth and semantic features (B, F, H, W) to semantic ones."""
        gathered = self._gather(self.query(depth), self.key(depth), self.value(semantic))
        result: Tensor = self.output(gathered) + semantic
        return result

    def _gather(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if self.mode == 'conv':
            return torch.sigmoid(query * key) * value
        if self.mode == 'local':
            return local_attention(query, key, value, window=self.window)
        if self.pool > 1:
            key, value = F.max_pool2d(key, self.pool), F.max_pool2d(value, self.pool)
        return global_attention(query, key, value)


class ConvolutionalPropagation(nn.Module):
    """The ablation "VanConv": a convolution of depth and semantic features side by side."""

    def __init__(self, config: GadConfig) -> None:
        super().__init__()
        features = config.decoder_channels[-1]
        self.mix = nn.Sequential(
            nn.Conv2d(2 * features, features, 3, padding=1), nn.BatchNorm2d(features), nn.ReLU())

    def forward(self, depth: Tensor, semantic: Tensor) -> Tensor:
        """Map depth and semantic features (B, F, H, W) to semantic ones."""
        result: Tensor = self.mix(torch.cat((depth, semantic), dim=1))
        return result


def make_propagation(config: GadConfig) -> nn.Module | None:
    """Build the propagation of a configuration; None where semantic features stay as they are."""
    if config.gap == 'none':
        return None
    return ConvolutionalPropagation(config) if config.gap == 'vanconv' else (
        AffinityPropagation(config))
