from __future__ import annotations

import pytest
import torch
from torch import nn

from ssc_ros.models.layers.block_mean import BlockMean, replace_average_pools
from ssc_ros.models.layers.bottleneck3d import Bottleneck3D


@pytest.mark.parametrize('block', [(2, 2, 2), (1, 2, 1), (3, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize('shape', [(6, 6, 6), (7, 5, 8)])
def test_it_equals_average_pooling(block, shape):
    volume = torch.randn(2, 3, *shape)
    kept = volume.clone()
    torch.testing.assert_close(BlockMean(block)(volume), nn.AvgPool3d(block, block)(volume))
    assert torch.equal(volume, kept)


def test_it_pools_bfloat16():
    volume = torch.randn(1, 2, 4, 4, 4)
    found = BlockMean((2, 2, 2))(volume.bfloat16())
    torch.testing.assert_close(
        found.float(), BlockMean((2, 2, 2))(volume), atol=0.02, rtol=0.02)


def test_every_pool_of_a_bottleneck_is_replaced():
    block = Bottleneck3D(8, 4, 8, stride=2).eval()
    volume = torch.randn(1, 8, 4, 4, 4)
    expected = block(volume)
    replace_average_pools(block)
    assert not any(isinstance(module, nn.AvgPool3d) for module in block.modules())
    torch.testing.assert_close(block(volume), expected)
