"""Linear layers made from other layers, for inference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

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
