"""Linear layers made from others, and a modulation that is followed by them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.models.ammnet.fusion import Modulation

WeightBias = tuple[Tensor, Tensor]


def linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Return a frozen layer with copies of (out, in) and (out,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return layer


def matrix_of(convolution: Any) -> WeightBias:
    """Return the (out, in) weight and the bias of a convolution of one tap."""
    return convolution.weight.detach().flatten(1), convolution.bias.detach()


def stacked(*layers: WeightBias) -> nn.Linear:
    """Return one layer that computes several over the same input, results side by side."""
    weights, biases = zip(*layers, strict=True)
    return linear(torch.cat(weights), torch.cat(biases))


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
