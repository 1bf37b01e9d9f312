"""Fixtures of the tests of GAD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import load_preset


@pytest.fixture(scope='session')
def tiny() -> GadConfig:
    """Return the full network at a sixteenth of its width, for images of 64 x 96."""
    return replace(
        load_preset('gad'), name='tiny', num_classes=6, encoder_divisor=16, neck_channels=16,
        decoder_channels=(16, 12, 8, 8), gap_channels=4, image_size=(64, 96), crop_size=None)


@pytest.fixture(scope='session')
def build(tiny: GadConfig) -> Callable[..., GadNetwork]:
    """Return a maker of tiny networks in eval mode that differ from the full one as told."""
    def make(**changes: Any) -> GadNetwork:
        torch.manual_seed(0)
        network = GadNetwork(replace(tiny, **changes))
        _measure_statistics(network)
        return network.eval()
    return make


def _measure_statistics(network: GadNetwork) -> None:
    """Give the batch norms something to normalise by: features would explode without."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(4, network.config.input_channels, 64, 96))


@pytest.fixture(scope='session')
def images() -> torch.Tensor:
    """Return two images of noise."""
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
