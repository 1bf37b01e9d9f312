"""Skip pyramid fusion: encoder maps, coarse to fine, correct propagated features (Sec. 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.inputs import resize_map


class FusionLevel(nn.Module):
    """One encoder map joins the features of the level above; no norm and no rectifier."""

    def __init__(self, encoder_channels: int, config: GadConfig) -> None:
        super().__init__()
        features = config.decoder_channels[-1]
        self.reduces_encoder = config.spf_reduces == 'encoder'
        self.reduce = nn.Conv2d(
            encoder_channels if self.reduces_encoder else features, features, 1)
        joined = features + (features if self.reduces_encoder else encoder_channels)
        self.join = nn.Conv2d(joined, features, 3, padding=1)
        self.classify = nn.Conv2d(features, config.num_classes, 3, padding=1)

    def forward(self, encoder_map: Tensor, features: Tensor) -> Tensor:
        """Map (B, C, h, w) of the encoder and (B, F, H, W) to (B, F, h, w)."""
        height, width = encoder_map.shape[-2:]
        features = resize_map(features, (height, width))
        if self.reduces_encoder:
            encoder_map = self.reduce(encoder_map)
        else:
            features = self.reduce(features)
        result: Tensor = self.join(torch.cat((encoder_map, features), dim=1))
        return result


class SkipPyramidFusion(nn.Module):
    """Levels from the coarsest encoder map to the finest, each with class scores of its own."""

    def __init__(self, encoder_channels: Sequence[int], config: GadConfig) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            FusionLevel(channels, config) for channels in reversed(encoder_channels))

    def forward(
        self, features: Tensor, encoder_maps: Sequence[Tensor], *, all_heads: bool,
    ) -> tuple[Tensor, ...]:
        """
        Return class scores (B, num_classes, h_k, w_k) of the levels, coarse to fine.

        Args:
            features: (B, F, H, W), propagated.
            encoder_maps: fine to coarse.
            all_heads: of all levels, not of the finest alone.
        """
        scores = []
        for index, encoder_map in enumerate(reversed(encoder_maps), start=1):
            level: Any = self.levels[index - 1]
            features = level(encoder_map, features)
            if all_heads or index == len(self.levels):
                scores.append(level.classify(features))
        return tuple(scores)
