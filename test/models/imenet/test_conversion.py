"""Tests of reading checkpoints of 3D-Sketch and pretrained encoders."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ssc_ros.errors import WeightsError
from ssc_ros.models.imenet.conversion import load_pretrained_encoder, read_official
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.presets import load_preset
from ssc_ros.models.imenet.segmentation import ResNet101Encoder
from ssc_ros.weights.convert.sketch import translate_names


def constant(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return a tensor that takes no room in a file."""
    return torch.full((1,) * len(shape), 0.5).to(dtype).expand(shape)


@pytest.fixture(scope='module')
def release(sketch_names: list[str]) -> dict[str, torch.Tensor]:
    """Return a state dict with all official names and shapes, one value per tensor."""
    with torch.device('meta'):
        ours = ImenetNetwork(load_preset('sketch')).voxel.state_dict()
    return {name: constant(tuple(ours[own].shape), ours[own].dtype)
            for name, own in translate_names(sketch_names).items()}


@pytest.fixture
def write(release: dict[str, torch.Tensor], tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of checkpoints as the release has them, changed by the test."""
    def write_checkpoint(**changes: torch.Tensor | None) -> Path:
        state = {**release, **{name.replace('__', '.'): value for name, value in changes.items()}}
        path = tmp_path / 'official.pth'
        torch.save({'model': {name: value for name, value in state.items() if value is not None},
                    'optimizer': {'state': {}}, 'epoch': 250}, path)
        return path
    return write_checkpoint


def test_the_release_becomes_the_whole_voxel_network(write) -> None:
    config, state = read_official(write())
    assert (config.name, config.image_network) == ('sketch', 'none')
    with torch.device('meta'):
        assert state.keys() == ImenetNetwork(config).state_dict().keys()


def test_names_of_parallel_training_are_understood() -> None:
    names = ['module.backbone.layer1.0.downsample.1.weight', 'module.stage1.cvae.mean.bias']
    assert list(translate_names(names).values()) == [
        'encoder.stages.0.0.downsample.1.weight', 'stage1.prior.mean.bias']


def test_a_damaged_release_is_refused(write) -> None:
    with pytest.raises(WeightsError, match=r"missing \['voxel\.stage1\.prior\.mean\.bias'\]"):
        read_official(write(stage1__cvae__mean__bias=None))
    with pytest.raises(WeightsError, match=r'do not belong to .* 3D-Sketch, such as stage3\.bias'):
        read_official(write(stage3__bias=torch.zeros(3)))


def test_a_configuration_with_more_than_the_release_is_refused(write) -> None:
    with pytest.raises(WeightsError, match="do not fit configuration 'small-s0'"):
        read_official(write(), preset='small-s0')


def test_both_encoders_take_the_weights_of_a_resnet(tmp_path) -> None:
    with torch.device('meta'):
        network = ImenetNetwork(load_preset('rgbd'))
        expected = ResNet101Encoder().state_dict()
    torch.save({
        **{re.sub(r'stages\.(\d)', lambda match: f'layer{int(match[1]) + 1}', name): constant(
            tuple(value.shape), value.dtype) for name, value in expected.items()},
        'fc.weight': torch.zeros(1)}, tmp_path / 'resnet101.pth')
    network.image.color.encoder = ResNet101Encoder()
    network.image.depth.encoder = ResNet101Encoder()
    load_pretrained_encoder(network, str(tmp_path / 'resnet101.pth'))
    for encoder in (network.image.color.encoder, network.image.depth.encoder):
        assert (encoder.stages[2][22].conv3.weight == 0.5).all()


def test_the_names_of_the_hub_reach_all_blocks_of_a_stage(tmp_path) -> None:
    with torch.device('meta'):
        network = ImenetNetwork(load_preset('a'))
    save_file({'resnet.encoder.stages.2.layers.22.layer.1.convolution.weight': torch.zeros(1)},
              tmp_path / 'hub.safetensors')
    with pytest.raises(WeightsError, match=r"of another shape \['stages\.2\.22\.conv2\.weight"):
        load_pretrained_encoder(network, str(tmp_path / 'hub.safetensors'))


def test_a_network_without_encoder_is_told_so(build) -> None:
    with pytest.raises(WeightsError, match="image_network 'labels': it has no encoder"):
        load_pretrained_encoder(build(image_network='labels'), 'package')
