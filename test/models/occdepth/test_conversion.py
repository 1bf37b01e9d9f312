from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.errors import WeightsError
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.conversion import (
    check_fit,
    infer_config,
    official_to_ours,
)
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.presets import load_preset
from ssc_ros.models.registry import NETWORKS
from ssc_ros.weights import load_state, read_bundle_config
from ssc_ros.weights.convert.occdepth import translate_names

# Entries of the official state dicts, without the three constant buffers of the KITTI ones.
ENTRIES = {'k3': 1264 - 3, 'k7': 1890 - 3, 'n4': 1236, 'n7': 1825}
SHAPES = {
    ('k3', 'net_rgb.decoder.up16._net.0.weight'): (768, 1672, 3, 3),
    ('k3', 'net_3d_decoder.process_l2.1.main.conv5.weight'): (128, 16, 1, 1, 1),
    ('k3', 'net_3d_decoder.up_l1_lfull.main.0.weight'): (32, 16, 3, 3, 3),
    ('k3', 'net_3d_decoder.ssc_head.conv_classes.weight'): (20, 18, 3, 3, 3),
    ('k7', 'net_3d_decoder.CP_mega_voxels.mega_context.0.weight'): (512, 256, 3, 3, 3),
    ('k7', 'net_3d_decoder.CP_mega_voxels.resize.0.weight'): (256, 2304, 1, 1, 1),
    ('k7', 'flosp_depth.depth_net.0.depth_pred.weight'): (104, 128, 1, 1),
    ('n4', 'net_3d_decoder.process_1_4.0.main.0.conv1.weight'): (25, 100, 1, 1, 1),
    ('n4', 'net_3d_decoder.ssc_head_1_4.conv_classes.weight'): (12, 100, 3, 3, 3),
}


def _meta_state(config: OccDepthConfig) -> dict[str, torch.Tensor]:
    with torch.device('meta'):
        return OccDepthNetwork(config).state_dict()


@pytest.mark.parametrize('preset', ENTRIES)
def test_official_names_cover_the_network_one_to_one(reference, preset):
    config = load_preset(preset)
    names = reference.official_names(config)
    translated = translate_names(names)
    assert len(names) == len(set(names)) == ENTRIES[preset]
    assert sorted(translated.values()) == sorted(_meta_state(config))


@pytest.mark.parametrize(('preset', 'name'), SHAPES)
def test_official_tensors_have_the_official_shapes(reference, preset, name):
    config = load_preset(preset)
    ours = translate_names(reference.official_names(config))[name]
    assert tuple(_meta_state(config)[ours].shape) == SHAPES[preset, name]


@pytest.mark.parametrize('preset', ['k3', 'k7', 'k7-flosp', 'k-mono', 'n4', 'n7', 'monoscene'])
def test_the_configuration_is_inferred_from_the_tensors(preset):
    assert infer_config(_meta_state(load_preset(preset))) == load_preset(preset)


def test_an_unpublished_combination_is_inferred_field_by_field():
    config = replace(load_preset('k3'), feature_channels=48, context_prior=False)
    inferred = infer_config(_meta_state(config))
    assert inferred == replace(config, name='converted')


def test_a_misfit_lists_what_is_missing_and_what_is_unexpected():
    state = _meta_state(load_preset('k3'))
    with pytest.raises(WeightsError) as caught:
        check_fit(state, load_preset('k7-flosp'))
    message = str(caught.value)
    assert "unexpected ['depth_network.blocks.0.body.0.weight'" in message
    assert 'encoder.model.encoder.blocks.30.' in message.split('unexpected')[0]
    assert 'decoder.outputs.scale_1.bias (32,) instead of (64,)' in message


def test_an_incomplete_checkpoint_is_refused():
    state = _meta_state(load_preset('k3'))
    del state['decoder.outputs.scale_1.weight']
    with pytest.raises(WeightsError, match='no whole OccDepth network'):
        infer_config(state)


def test_a_lightning_checkpoint_becomes_a_bundle(reference, tmp_path):
    config = load_preset('k-mono')
    official = reference.official_state(config)
    official['flosp_depth.voxel_size'] = torch.ones(3)
    torch.save({'state_dict': official, 'epoch': 29}, tmp_path / 'last.ckpt')
    NETWORKS['occdepth'].convert_checkpoint(
        tmp_path / 'last.ckpt', tmp_path / 'k-mono', card='# K-mono')
    stored = OccDepthConfig.from_dict(read_bundle_config(tmp_path / 'k-mono')['config'])
    assert stored == config.with_official_behaviour()
    state = load_state(tmp_path / 'k-mono')
    expected = official_to_ours(official)
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value, rtol=0, atol=0)


def test_a_checkpoint_of_another_configuration_than_named_is_refused(reference, tmp_path):
    torch.save(reference.official_state(load_preset('k-mono')), tmp_path / 'last.ckpt')
    with pytest.raises(WeightsError, match="configuration 'k3'"):
        NETWORKS['occdepth'].convert_checkpoint(
            tmp_path / 'last.ckpt', tmp_path / 'bundle', preset='k3')
    assert not (tmp_path / 'bundle').exists()
