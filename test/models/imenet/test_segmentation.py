"""Tests of the networks that segment images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ssc_ros.models.imenet.segmentation import (
    DenseUpsampling,
    LabelScores,
    Lite0Segmentation,
    Seg2DNet,
    Seg2DNetRgbd,
)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope='module')
def network() -> Any:
    with torch.device('meta'):
        return Seg2DNet()


def test_seg2dnet_has_the_parameters_of_the_original(network: Any) -> None:
    assert count(network) == 142_090_444
    assert count(network.encoder) == 42_500_160
    assert [count(up) for up in network.raise_stages] == [75_505_664, 18_878_464, 4_720_640]
    assert [count(up) for up in (network.raise_half, network.raise_full)] == [295_424, 73_984]
    assert (count(network.join), count(network.pyramid), count(network.classify)) == (
        41_088, 74_240, 780)


def test_seg2dnet_scores_every_pixel(network: Any) -> None:
    image = torch.empty(2, 3, 64, 96, device='meta')
    assert network(image).shape == (2, 12, 64, 96)
    assert network.features(image).shape == (2, 64, 64, 96)


def test_the_encoder_tells_of_all_scales(network: Any) -> None:
    maps = network.encoder(torch.empty(1, 3, 288, 384, device='meta'))
    assert maps.stem.shape == (1, 64, 144, 192)
    assert maps.pooled.shape == (1, 64, 72, 96)
    assert [stage.shape[1:] for stage in maps.stages] == [
        (256, 72, 96), (512, 36, 48), (1024, 18, 24), (2048, 9, 12)]


def test_colours_and_depth_are_two_networks_and_one_classifier(network: Any) -> None:
    with torch.device('meta'):
        both = Seg2DNetRgbd()
        image = torch.empty(1, 3, 64, 64)
    fusion = 2 * 128 + 128 * 64 + 2 * 64  # two norms and a convolution
    assert count(both) == 2 * (count(network) - 780) + fusion + 780
    assert both(image, image).shape == (1, 12, 64, 64)


def test_dense_upsampling_doubles_by_channels() -> None:
    up = DenseUpsampling(8, 12)
    assert up(torch.randn(2, 8, 3, 5)).shape == (2, 3, 6, 10)


def test_the_small_network_sees_both_scales_of_an_image() -> None:
    torch.manual_seed(0)
    small = Lite0Segmentation().eval()
    assert count(small) < 4_000_000
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        before = small(image)
        image[..., :8] += 1
        after = small(image)
    assert before.shape == (1, 12, 64, 96)
    assert not torch.equal(before, after)


def test_scores_of_a_label_map_are_rows_of_a_table() -> None:
    table = LabelScores(14)
    labels = torch.randint(0, 14, (2, 4, 6), dtype=torch.uint8)
    scores = table(labels)
    assert scores.shape == (2, 12, 4, 6)
    torch.testing.assert_close(scores[1, :, 2, 3], table.scores.weight[labels[1, 2, 3].long()])
