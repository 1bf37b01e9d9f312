from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssc_ros.errors import WeightsError
from ssc_ros.models.ammnet.conversion import encoder_state, load_pretrained_encoder
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import load_preset
from ssc_ros.models.ammnet.segformer import SegformerEncoder
from ssc_ros.weights.convert.ammnet import translate_names


def test_names_of_the_early_release_are_known():
    names = ['complete.tsdf_net2.0.weight', 'complete.tsdf_net.0.conv1.weight']
    assert list(translate_names(names).values()) == [
        'decoder.raise_depth.0.weight', 'decoder.lower_depth.0.reduce.weight']


def test_a_segformer_of_the_hub_computes_the_same():
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    theirs = transformers.SegformerModel(transformers.SegformerConfig(
        depths=[3, 4, 6, 3], hidden_sizes=[64, 128, 320, 512])).eval()
    # The library's newer versions load the files of the hub under other names than they hold.
    state = encoder_state(_hub_names(theirs.state_dict()))
    ours = SegformerEncoder().eval()
    ours.load_state_dict(state)
    for module in ours.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 1e-5  # as the library has it everywhere
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = theirs(image, output_hidden_states=True).hidden_states
        for found, each in zip(ours(image), expected[-4:], strict=True):
            torch.testing.assert_close(found, each, atol=1e-4, rtol=1e-4)


def _hub_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Undo the renaming of transformers 5; earlier ones have the names of the hub."""
    replacements = (
        ('sequence_reduction.sequence_reduction', 'self.sr'),
        ('sequence_reduction.layer_norm', 'self.layer_norm'),
        ('q_proj', 'self.query'), ('k_proj', 'self.key'), ('v_proj', 'self.value'),
        ('o_proj', 'output.dense'), ('layernorm_before', 'layer_norm_1'),
        ('layernorm_after', 'layer_norm_2'), ('mlp.fc', 'mlp.dense'))
    renamed = {}
    for name, value in state.items():
        if name.startswith('stages.'):
            _, stage, part, rest = name.split('.', 3)
            part = 'block' if part == 'blocks' else part
            name = f'encoder.{part}.{stage}.{rest}'
            for theirs, hub in replacements:
                name = name.replace(theirs, hub)
        renamed[f'segformer.{name}'] = value
    return renamed


def test_the_resnet_of_3d_sketch_is_loaded(tmp_path: Path):
    with torch.device('meta'):
        network = AmmnetNetwork(load_preset('resnet50'))
    encoder = network.image.encoder
    assert sum(value.numel() for value in encoder.parameters()) == 23_631_808
    network.image.encoder = encoder.to_empty(device='cpu')
    sketch = {}
    for name in encoder.state_dict():
        layer, index, rest = name.split('.', 2) if name.startswith('stages') else (
            'stem', *name.split('.')[1:])
        theirs = f'layer{int(index) + 1}.{rest}' if layer == 'stages' else (
            f'{"bn" if int(index) % 3 else "conv"}{int(index) // 3 + 1}.{rest}')
        sketch[f'backbone.{theirs}'] = torch.zeros_like(encoder.state_dict()[name])
    torch.save({**sketch, 'stage1.0.weight': torch.zeros(1)}, tmp_path / 'sketch.pth')
    load_pretrained_encoder(network, tmp_path / 'sketch.pth')
    assert not any(value.any() for value in network.image.encoder.state_dict().values())


def test_a_network_without_an_image_encoder_says_so(tmp_path):
    with torch.device('meta'):
        network = AmmnetNetwork(load_preset('labels'))
    with pytest.raises(WeightsError, match='reads label maps'):
        load_pretrained_encoder(network, tmp_path / 'any.pth')
