"""Tests of SSCNet and of its small relative."""

from __future__ import annotations

import torch
from torch import nn

from ssc_ros.models.imenet.sscnet import ResidualPair, SmallSSCNet, SSCNet


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_sscnet_has_the_parameters_of_the_original() -> None:
    assert count(SSCNet()) == 930_508


def test_a_fine_volume_gives_scores_at_a_quarter_of_its_resolution() -> None:
    assert SSCNet()(torch.randn(1, 1, 32, 16, 32)).shape == (1, 12, 8, 4, 8)
    with torch.device('meta'):
        scores = SSCNet()(torch.empty(1, 1, 240, 144, 240))
    assert scores.shape == (1, 12, 60, 36, 60)


def test_the_sums_that_the_head_reads_have_growing_reach() -> None:
    network = SSCNet(width=8)
    assert [pair.first.dilation[0] for pair in network.trunk] == [1, 1, 2, 2]
    assert [isinstance(pair.reduction, nn.Conv3d) for pair in (network.entry, *network.trunk)] == [
        True, True, False, False, False]
    assert network.head[0].in_channels == 4 * 8


def test_biases_are_everywhere_but_in_the_reductions() -> None:
    network = SSCNet(width=8)
    without = [name for name, module in network.named_modules()
               if isinstance(module, nn.Conv3d) and module.bias is None]
    assert without == ['entry.reduction', 'trunk.0.reduction']


def test_a_pair_adds_its_input_before_the_second_rectification() -> None:
    pair = ResidualPair(2, 2)
    for parameter in pair.parameters():
        nn.init.zeros_(parameter)
    volume = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1, 1)
    assert pair(volume).flatten().tolist() == [0, 2]


def test_the_head_begins_with_the_deviations_of_the_port() -> None:
    torch.manual_seed(0)
    head = [layer for layer in SSCNet().head if isinstance(layer, nn.Conv3d)]
    for layer, deviation in zip(head, (0.1, 0.01, 0.01), strict=True):
        torch.testing.assert_close(
            layer.weight.std(), torch.tensor(deviation), rtol=0.1, atol=0)
        assert not layer.bias.any()


def test_the_small_network_keeps_the_resolution_and_a_third_of_the_parameters() -> None:
    network = SmallSSCNet().eval()
    assert count(network) < 930_508 / 3
    assert network(torch.randn(2, 1, 8, 4, 8)).shape == (2, 12, 8, 4, 8)
