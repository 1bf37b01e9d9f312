"""Decoders of up-projection blocks, whose outputs of all scales meet in the last (GAD, Fig. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.up_projection import UpProjection


class DecoderFeatures(NamedTuple):
    """
    What a decoder computes.

    Attributes:
        stages: (B, C_k, 2^k h, 2^k w) of each block, coarse to fine.
        embedding: (B, C_last, 2^n h, 2^n w), the sum over all stages.
    """

    stages: tuple[Tensor, ...]
    embedding: Tensor


class SkipUp(nn.Module):
    """Bilinear enlargement and a convolution, in this order: borders differ otherwise."""

    def __init__(
        self, in_channels: int, out_channels: int, scale: int, *, keeps_unused: bool,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.convolve = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        if keeps_unused:
            self.unused = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in, h, w) to (B, out, scale * h, scale * w)."""
        enlarged = F.interpolate(
            features, scale_factor=self.scale, mode='bilinear', align_corners=True)
        result: Tensor = self.convolve(enlarged)
        return result


class Decoder(nn.Module):
    """Up-projection blocks, and a skip-up from each but the last."""

    def __init__(self, config: GadConfig) -> None:
        super().__init__()
        widths = config.decoder_channels
        self.blocks = nn.ModuleList(
            UpProjection(in_channels, out_channels)
            for in_channels, out_channels in pairwise((config.neck_channels, *widths)))
        self.skips = nn.ModuleList(
            SkipUp(channels, widths[-1], 2 ** (len(widths) - 1 - stage),
                   keeps_unused=config.keeps_unused_parameters)
            for stage, channels in enumerate(widths[:-1]))

    def forward(self, features: Tensor, propagated: Sequence[Tensor] = ()) -> DecoderFeatures:
        """
        Decode.

        Args:
            features: (B, neck_channels, h, w).
            propagated: stages of another decoder; each is added to what follows that stage
                (FeatProp).
        """
        stages: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            features = block(features)
            stages.append(features)
            if index < len(propagated):
                features = features + propagated[index]
        embedding = stages[-1]
        for skip, stage in zip(self.skips, stages[:-1], strict=True):
            embedding = embedding + skip(stage)
        return DecoderFeatures(tuple(stages), embedding)
