"""Tests of reading official AMMNet checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ssc_ros.errors import WeightsError
from ssc_ros.models.ammnet.conversion import read_official
from ssc_ros.models.ammnet.discriminator import Discriminator
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import load_preset
from ssc_ros.models.registry import NETWORKS
from ssc_ros.weights import load_state, read_bundle_config
from ssc_ros.weights.convert.ammnet import translate_names

ADDED_BY_MODULATION = ('complete.pre_layer', 'complete.DownScale', 'complete.UpScale', 'disc.')


@pytest.fixture(scope='module')
def release(official: ModuleType) -> dict[str, torch.Tensor]:
    """Return a state dict with all official names and shapes, one value per tensor."""
    with torch.device('meta'):
        ours = AmmnetNetwork(load_preset('ammnet')).state_dict()
        ours.update({f'discriminator.{name}': tensor for name, tensor in Discriminator(
            load_preset('ammnet')).state_dict().items()})
    names = [name for names in official.OFFICIAL_NAMES.values() for name in names]
    return {name: torch.full((1,) * ours[own].dim(), 0.5, dtype=ours[own].dtype).expand(
        ours[own].shape) for name, own in translate_names(names).items()}


@pytest.fixture
def write(release: dict[str, torch.Tensor], tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of checkpoints as the release has them, changed by the test."""
    def write_checkpoint(**changes: torch.Tensor | None) -> Path:
        state = {name: tensor for name, tensor in {**release, **{
            name.replace('__', '.'): value for name, value in changes.items()}}.items()
            if tensor is not None}
        path = tmp_path / 'official.pth'
        torch.save({'model': state, 'optimizer': {'state': {}}, 'epoch': 147,
                    'best_val': 48.5}, path)
        return path
    return write_checkpoint


def test_the_release_becomes_the_whole_network_without_its_discriminator(write) -> None:
    config, state = read_official(write())
    assert config.name == 'ammnet'
    with torch.device('meta'):
        assert state.keys() == AmmnetNetwork(config).state_dict().keys()


def test_a_release_without_modulation_is_the_baseline(release, tmp_path) -> None:
    torch.save({'net': {f'module.{name}': tensor for name, tensor in release.items()
                        if not name.startswith(ADDED_BY_MODULATION)}}, tmp_path / 'base.pth')
    assert read_official(tmp_path / 'base.pth')[0].name == 'baseline'


@pytest.mark.parametrize(('change', 'message'), [
    ({'complete__pre_layer_R11__bias': None}, r"missing \['decoder.fusions.1.scale.bias'\]"),
    ({'disc__logit__bias': None}, r"discriminator of ammnet': missing \['judge.bias'\]"),
    ({'head__linear_pred__bias': torch.zeros(13)}, r'\(13,\) instead of \(12,\)'),
    ({'complete__extra__weight': torch.zeros(1)}, 'belong to no known release'),
])
def test_what_is_missing_left_over_or_of_another_shape_is_named(write, change, message) -> None:
    with pytest.raises(WeightsError, match=message):
        read_official(write(**change))


def test_another_configuration_is_refused_by_name(write) -> None:
    with pytest.raises(WeightsError, match="do not fit configuration 'm1'"):
        read_official(write(), preset='m1')


def test_a_bundle_holds_the_values_of_the_release(write, tmp_path) -> None:
    config = NETWORKS['ammnet'].convert_checkpoint(
        write(head__linear_pred__bias=torch.arange(12.0)), tmp_path / 'bundle')
    document = read_bundle_config(tmp_path / 'bundle')
    assert (document['model'], document['config']) == ('ammnet', config.to_dict())
    bias = load_state(tmp_path / 'bundle')['image.head.classify.bias']
    assert bias.tolist() == list(range(12))
