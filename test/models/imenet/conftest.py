"""Fixtures of the tests of IMENet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.inputs import ImenetInputs
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.presets import load_preset

NO_VOXEL = -1


@pytest.fixture(scope='session')
def tiny() -> ImenetConfig:
    """Return the small network over 12x8x12 voxels and images of 96x128."""
    return replace(
        load_preset('small'), name='tiny', grid_shape=(12, 8, 12), image_size=(96, 128),
        work_size=(64, 96), voxel_channels=8, dcp2d_channels=4, dcp3d_channels=4,
        dcp2d_rates=(1, 3), dcp3d_rates=(1, 2))


@pytest.fixture(scope='session')
def build(tiny: ImenetConfig, frame: Callable[..., ImenetInputs]) -> Callable[..., ImenetNetwork]:
    """Return a maker of tiny networks in eval mode that differ as told."""
    def make(**changes: Any) -> ImenetNetwork:
        torch.manual_seed(0)
        network = ImenetNetwork(replace(tiny, **changes))
        _measure_statistics(network, frame(network.config))
        for name, parameter in network.named_parameters():
            # Corrections begin at zero, and so would what they could get wrong.
            if name.startswith('refine') and not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
        return network.eval()
    return make


def _measure_statistics(network: ImenetNetwork, inputs: ImenetInputs) -> None:
    """Let the norms normalise, so that different places get different labels."""
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            module.momentum = 1.0
    with torch.no_grad():
        network.train().coarse(inputs)


@pytest.fixture(scope='session')
def frame() -> Callable[[ImenetConfig], ImenetInputs]:
    """Return a maker of two frames of noise that hold whatever any configuration reads."""
    def make(config: ImenetConfig) -> ImenetInputs:
        generator = torch.Generator().manual_seed(1)

        def noise(*shape: int) -> torch.Tensor:
            return torch.randn(2, *shape, generator=generator)

        def ids(below: int, *shape: int) -> torch.Tensor:
            return torch.randint(0, below, (2, *shape), generator=generator)

        pixels = config.image_size[0] * config.image_size[1]
        return ImenetInputs(
            voxel_of_pixel=ids(config.num_voxels + 1, *config.image_size) + NO_VOXEL,
            nonfree=ids(2, *config.grid_shape).bool(),
            tsdf=noise(1, *config.tsdf_shape).clamp(-1, 1),
            image=noise(3, *config.work_size), full_image=noise(3, *config.image_size),
            hha=noise(3, *config.work_size),
            label_map=ids(config.label_map_classes, *config.work_size).byte(),
            ray_voxels=ids(config.num_voxels + 1, config.ray_steps, *config.work_size) + NO_VOXEL,
            pixel_of_voxel=ids(pixels + 1, config.num_voxels),
            pixel_labels=ids(12, *config.work_size).byte(),
            voxel_labels=ids(12, *config.grid_shape).byte(),
            sketch=ids(2, *config.grid_shape).byte())
    return make


@pytest.fixture(scope='session')
def official(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the filling formula of official tensors, that of AMMNet's tests."""
    return load_module(Path(__file__).parents[1] / 'ammnet' / 'official_reference.py')


@pytest.fixture(scope='session')
def sketch_names(
    official: ModuleType, load_module: Callable[[Path], ModuleType],
) -> list[str]:
    """Return the names of the tensors in the release of 3D-Sketch."""
    module = load_module(Path(__file__).with_name('official_names.py'))
    names: list[str] = module.sketch_names(official)
    return names
