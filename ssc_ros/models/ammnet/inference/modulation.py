"""A modulation that is followed by linear layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssc_ros.models.ammnet.fusion import Modulation
from ssc_ros.models.layers.linear import WeightBias, linear, matrix_of


class ModulationSite(nn.Module):
    """
    A fusion f * (offset + sigmoid(S t)) + B t of features f and depth t; or f + t.

    Args:
        fusion: a modulation; None for a sum.
        channels: of features and depth.
    """

    def __init__(self, fusion: nn.Module | None, channels: int) -> None:
        super().__init__()
        self.gain: nn.Linear | None = None
        self.offset = 0.0
        self.shift: WeightBias = torch.eye(channels), torch.zeros(channels)
        if isinstance(fusion, Modulation) and fusion.forward_path == 'modulation':
            self.gain, self.offset = linear(*matrix_of(fusion.scale)), fusion.offset
            self.shift = matrix_of(fusion.shift)

    def scaled(self, features: Tensor, depth: Tensor) -> Tensor:
        """Return the first term for rows (M, C); the second is left to :meth:`shifted`."""
        if self.gain is None:
            return features
        gain = torch.sigmoid_(self.gain(depth))
        return features.mul(gain.add_(self.offset) if self.offset else gain)

    def shifted(self, layer: WeightBias) -> WeightBias:
        """Return the layer over t that adds the second term, passed through ``layer``."""
        (weight, bias), (shift_weight, shift_bias) = layer, self.shift
        return weight @ shift_weight, bias + weight @ shift_bias
