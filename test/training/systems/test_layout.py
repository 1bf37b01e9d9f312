"""Tests of computing activations again instead of keeping them."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ssc_ros.models.layers.bottleneck3d import Bottleneck3D
from training.systems.layout import compute_again


def test_the_result_is_that_of_keeping_all_activations() -> None:
    torch.manual_seed(0)
    kept = nn.Sequential(
        Bottleneck3D(8, 4, 8), nn.Sequential(Bottleneck3D(8, 4, 8), nn.Dropout(0.5)))
    again = copy.deepcopy(kept)
    assert compute_again(again, (Bottleneck3D,)) == 2
    volume = torch.randn(2, 8, 4, 4, 4)
    for network in (kept, again):
        torch.manual_seed(1)
        network(volume).square().mean().backward()
    for (name, first), second in zip(
            kept.named_parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(first.grad, second.grad, msg=name)
    for (name, first), second in zip(kept.named_buffers(), again.buffers(), strict=True):
        torch.testing.assert_close(first, second, msg=name)


def test_names_of_parameters_stay() -> None:
    network = nn.Sequential(Bottleneck3D(8, 4, 8))
    names = list(network.state_dict())
    compute_again(network, (Bottleneck3D,))
    assert list(network.state_dict()) == names
