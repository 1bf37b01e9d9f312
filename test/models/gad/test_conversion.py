"""Official checkpoints and pretrained encoders are read under their names."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.errors import WeightsError
from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.conversion import (
    load_pretrained_encoder,
    official_to_ours,
)
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import load_preset
from ssc_ros.models.registry import NETWORKS
from ssc_ros.weights import load_state, read_bundle_config
from ssc_ros.weights.convert.gad import translate_encoder, translate_names

NORM = ('weight', 'bias', 'running_mean', 'running_var')
CONVOLUTION = ('weight', 'bias')


def _norms(*layers: str) -> list[str]:
    return [f'{layer}.{leaf}' for layer in layers for leaf in NORM]


def _convolutions(*layers: str) -> list[str]:
    return [f'{layer}.{leaf}' for layer in layers for leaf in CONVOLUTION]


def _block(name: str, *, is_first: bool) -> list[str]:
    indices = (1, 2, 3, 4) if is_first else (1, 2, 3)
    return [*(f'{name}.conv{index}.weight' for index in indices),
            *_norms(*(f'{name}.bn{index}' for index in indices))]


def official_names() -> list[str]:
    """Return every name of the release, as its description lists them."""
    names = [*_convolutions('conv1', 'conv2', 'dep_conv3', 'sem_conv3_2'), *_norms('bn1', 'bn2')]
    for stage, skips in enumerate((2, 3, 5, 2), start=1):
        names += _block(f'proj_layer{stage}', is_first=True)
        for skip in range(1, skips + 1):
            names += _block(f'skip_layer{stage}_{skip}', is_first=False)
    for kind in ('dep', 'sem'):
        for block in range(1, 5):
            layer = f'{kind}_up_conv{block}'
            names += _convolutions(*(f'{layer}.conv{index}' for index in range(1, 10)))
            names += _norms(*(f'{layer}.{norm}' for norm in ('bn1_1', 'bn1_2', 'bn2')))
        for skip in range(1, 4):
            names += _convolutions(f'{kind}_skip_up{skip}.conv', f'{kind}_skip_up{skip}.conv2')
    for part in ('Dep1', 'Dep2', 'Sem', 'Com'):
        names += [*_convolutions(f'GAP_conv{part}'), *_norms(f'GAP_BN{part}')]
    for level in range(1, 5):
        names += _convolutions(*(f'side{kind}conv{level}' for kind in 'dco'))
    return [f'module.{name}' for name in names]


def test_every_tensor_of_the_release_has_a_place_and_none_is_missing():
    with torch.device('meta'):
        expected = GadNetwork(load_preset('release')).state_dict()
    names = official_names()
    ours = official_to_ours(dict.fromkeys(names, torch.zeros(1)))
    assert ours.keys() == expected.keys() and len(ours) == 670
    assert len(names) + sum(name.endswith('num_batches_tracked') for name in ours) == 670


@pytest.fixture
def narrow_release(tiny, monkeypatch) -> GadConfig:
    """Have the configuration of the release at a sixteenth of its width."""
    config = replace(
        tiny, encoder='fcrn', input_norm='unit', masks_unlabelled=False,
        keeps_unused_parameters=True)
    monkeypatch.setattr('ssc_ros.models.gad.conversion.load_preset', lambda _: config)
    return config


def test_a_checkpoint_of_the_release_becomes_a_bundle(narrow_release, tmp_path):
    network = GadNetwork(narrow_release)
    ours = network.state_dict()
    official = {name: ours[place] for name, place in translate_names(official_names()).items()}
    torch.save(official, tmp_path / 'release.pth')
    config = NETWORKS['gad'].convert_checkpoint(
        tmp_path / 'release.pth', tmp_path / 'bundle', card='official')
    assert config == narrow_release
    assert read_bundle_config(tmp_path / 'bundle')['model'] == 'gad'
    torch.testing.assert_close(load_state(tmp_path / 'bundle'), dict(ours))


def test_a_checkpoint_with_a_missing_tensor_is_refused(narrow_release, tmp_path):
    ours = GadNetwork(narrow_release).state_dict()
    official = {name: ours[place] for name, place in translate_names(official_names()).items()}
    del official['module.GAP_convSem.weight']
    torch.save(official, tmp_path / 'release.pth')
    with pytest.raises(WeightsError, match=r"missing \['propagation.value.0.weight'\]"):
        NETWORKS['gad'].convert_checkpoint(tmp_path / 'release.pth', tmp_path / 'bundle')


@pytest.mark.parametrize(('official', 'ours'), [
    ('module.proj_layer2.conv4.weight', 'encoder.stages.1.0.downsample.0.weight'),
    ('conv2.bias', 'neck.0.bias'),
    ('dep_up_conv1.conv2.weight', 'depth_decoder.blocks.0.enlarge.phases.1.weight'),
    ('sem_up_conv4.conv8.weight', 'semantic_decoder.blocks.3.shortcut.phases.3.weight'),
    ('sem_up_conv4.conv9.weight', 'semantic_decoder.blocks.3.refine.weight'),
    ('GAP_BNDep2.running_var', 'propagation.key.1.running_var'),
    ('sidedconv1.weight', 'pyramid.levels.0.reduce.weight')])
def test_names_are_translated(official, ours):
    assert translate_names([official]) == {official: ours}


def test_names_of_other_networks_are_refused():
    with pytest.raises(WeightsError, match='1 tensors do not belong to the official release'):
        translate_names(['conv1.weight', 'layer1.0.conv1.weight'])
    with pytest.raises(WeightsError, match='do not belong to a ResNet-50'):
        translate_encoder(['stem.weight', 'fc.weight'])


def torchvision_state(network: GadNetwork) -> dict[str, torch.Tensor]:
    """Return the encoder's tensors under the names of torchvision, of other values."""
    state = {}
    for name, value in network.encoder.state_dict().items():
        parts = name.split('.')
        if parts[0] == 'stages':
            name = '.'.join((f'layer{int(parts[1]) + 1}', *parts[2:]))
        state[name] = torch.full_like(value, 2)
    return {**state, 'fc.weight': torch.zeros(1000, 2048), 'fc.bias': torch.zeros(1000)}


def test_an_encoder_of_torchvision_is_loaded(tiny, tmp_path):
    network = GadNetwork(tiny)
    torch.save(torchvision_state(network), tmp_path / 'resnet50.pth')
    load_pretrained_encoder(network, str(tmp_path / 'resnet50.pth'))
    assert all((value == 2).all() for value in network.encoder.state_dict().values())


def test_hha_starts_from_the_colours(tiny, tmp_path):
    torch.save(torchvision_state(GadNetwork(tiny)), tmp_path / 'resnet50.pth')
    network = GadNetwork(replace(tiny, input_channels=6))
    load_pretrained_encoder(network, str(tmp_path / 'resnet50.pth'))
    weight = network.encoder.conv1.weight
    assert weight.shape[1] == 6 and (weight == 1).all()


def test_the_variant_of_the_release_has_a_bias_of_its_own(tiny, tmp_path):
    torch.save(torchvision_state(GadNetwork(tiny)), tmp_path / 'resnet50.pth')
    network = GadNetwork(replace(tiny, encoder='fcrn'))
    load_pretrained_encoder(network, str(tmp_path / 'resnet50.pth'))
    assert not network.encoder.conv1.bias.any()


def test_an_encoder_of_another_width_is_refused(tiny, tmp_path):
    torch.save(torchvision_state(GadNetwork(tiny)), tmp_path / 'resnet50.pth')
    network = GadNetwork(replace(tiny, encoder_divisor=8))
    with pytest.raises(WeightsError, match='of another shape'):
        load_pretrained_encoder(network, str(tmp_path / 'resnet50.pth'))


def test_a_resnet_of_the_hub_is_known():
    assert translate_encoder([
        'resnet.embedder.embedder.convolution.weight',
        'resnet.encoder.stages.3.layers.0.shortcut.normalization.running_mean',
        'resnet.encoder.stages.1.layers.2.layer.1.normalization.bias']) == {
        'resnet.embedder.embedder.convolution.weight': 'conv1.weight',
        'resnet.encoder.stages.3.layers.0.shortcut.normalization.running_mean':
            'stages.3.0.downsample.1.running_mean',
        'resnet.encoder.stages.1.layers.2.layer.1.normalization.bias': 'stages.1.2.bn2.bias'}
