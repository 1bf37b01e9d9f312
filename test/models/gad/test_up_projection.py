"""The up-projection block enlarges with four phases and passes gradients to all of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssc_ros.models.gad.up_projection import UnpoolConvolution, UpProjection


def test_phases_land_on_their_parities():
    layer = UnpoolConvolution(1, 1)
    for value, phase in enumerate(layer.phases):
        nn.init.zeros_(phase.weight)
        nn.init.constant_(phase.bias, value)
    enlarged = layer(torch.zeros(1, 1, 2, 3))[0, 0]
    assert enlarged.tolist() == [[0, 2, 0, 2, 0, 2], [1, 3, 1, 3, 1, 3]] * 2


def test_phases_see_the_padding_of_the_release():
    layer = UnpoolConvolution(1, 1)
    for phase in layer.phases:
        nn.init.ones_(phase.weight)
        nn.init.zeros_(phase.bias)
    enlarged = layer(torch.ones(1, 1, 3, 3))[0, 0]
    # How many pixels of a 3 x 3 map of ones each kernel covers, where.
    assert enlarged[::2, ::2].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    assert enlarged[1::2, ::2].tolist() == [[2, 3, 2], [4, 6, 4], [4, 6, 4]]
    assert enlarged[::2, 1::2].tolist() == [[2, 4, 4], [3, 6, 6], [2, 4, 4]]
    assert enlarged[1::2, 1::2].tolist() == [[1, 2, 2], [2, 4, 4], [2, 4, 4]]


def test_equals_a_5x5_convolution_of_the_map_enlarged_with_zeros():
    torch.manual_seed(0)
    layer = UnpoolConvolution(2, 3).double()
    kernel = torch.zeros(3, 2, 5, 5, dtype=torch.float64)
    even, odd_row, odd_column, odd = (phase.weight.detach() for phase in layer.phases)
    kernel[..., ::2, ::2], kernel[..., 1::2, ::2] = even, odd_row
    kernel[..., ::2, 1::2], kernel[..., 1::2, 1::2] = odd_column, odd
    for phase in layer.phases:
        nn.init.zeros_(phase.bias)
    features = torch.randn(1, 2, 5, 6, dtype=torch.float64)
    unpooled = torch.zeros(1, 2, 12, 14, dtype=torch.float64)
    unpooled[..., 2:12:2, 2:14:2] = features
    whole = torch.nn.functional.conv2d(unpooled, kernel, padding=2)
    found = layer(features)
    torch.testing.assert_close(found[..., ::2, ::2], whole[..., 2::2, 2::2])
    # The odd outputs come from one step up, or left.
    torch.testing.assert_close(found[..., 1::2, ::2], whole[..., 1:-1:2, 2::2])
    torch.testing.assert_close(found[..., ::2, 1::2], whole[..., 2::2, 1:-1:2])
    torch.testing.assert_close(found[..., 1::2, 1::2], whole[..., 1:-1:2, 1:-1:2])


def test_gradients_reach_all_nine_convolutions():
    torch.manual_seed(0)
    block = UpProjection(3, 4)
    block(torch.randn(2, 3, 4, 5)).square().sum().backward()
    convolutions = [each for each in block.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 9
    assert all(each.weight.grad.abs().sum() > 0 for each in convolutions)


@pytest.mark.parametrize(('in_channels', 'out_channels', 'parameters'), [
    (1024, 512, 28_581_376), (512, 256, 7_147_264), (256, 128, 1_787_776), (128, 64, 447_424)])
def test_blocks_have_the_published_sizes(in_channels, out_channels, parameters):
    with torch.device('meta'):
        block = UpProjection(in_channels, out_channels)
    assert sum(each.numel() for each in block.parameters()) == parameters
    assert block(torch.zeros(1, in_channels, 8, 10, device='meta')).shape == (
        1, out_channels, 16, 20)
