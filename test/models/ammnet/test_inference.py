from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.models.ammnet.inference import optimized
from ssc_ros.models.ammnet.inference.network import RearrangedNetwork
from ssc_ros.models.ammnet.inputs import AmmnetInputs
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import load_preset

TINY = {'feature_channels': 16, 'grid_shape': (12, 8, 12)}


def _network(preset: str) -> AmmnetNetwork:
    """Return a narrow network whose norms are no identities."""
    torch.manual_seed(0)
    network = AmmnetNetwork(replace(load_preset(preset), **TINY))
    for name, value in network.named_buffers():
        if name.endswith(('running_mean', 'running_var')):
            value.uniform_(0.5, 1.5)
    return network.eval()


def _inputs(network: AmmnetNetwork, batch: int = 2) -> AmmnetInputs:
    pixels, voxels = 64 * 96, network.config.num_voxels
    pixel_of_voxel = torch.full((batch, voxels), pixels)
    for sample in range(batch):
        chosen = torch.randperm(voxels)[:60 + sample]
        pixel_of_voxel[sample, chosen] = torch.randperm(pixels)[:60 + sample]
    reads_labels = network.config.reads_label_maps
    return AmmnetInputs(
        None if reads_labels else torch.randn(batch, 3, 64, 96),
        torch.randint(0, 14, (batch, 64, 96), dtype=torch.uint8) if reads_labels else None,
        torch.rand(batch, 1, *network.config.grid_shape) * 2 - 1, pixel_of_voxel)


@pytest.mark.parametrize('preset', [
    'ammnet', 'baseline', 'm1', 'm1-m2', 'm1-forward-only', 'm1-gradient-only', 'labels',
    'labels-baseline', 'resnet50', 'highway', 'cbam', 'small', 'small-labels'])
def test_the_faster_network_computes_the_same(preset):
    network = _network(preset)
    inputs = _inputs(network)
    with torch.inference_mode():
        expected, found = network(inputs).ssc_logits, optimized(network)(inputs).ssc_logits
    scale = expected.abs().mean()
    assert scale > 1e-3
    torch.testing.assert_close(found / scale, expected / scale, atol=2e-3, rtol=1e-4)


def test_published_networks_are_rearranged_and_others_only_folded():
    assert isinstance(optimized(_network('ammnet')), RearrangedNetwork)
    assert not isinstance(optimized(_network('senet')), RearrangedNetwork)


def test_the_network_it_was_made_from_stays_as_it_was():
    network = _network('m1').train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimized(network)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_no_norm_is_left_where_it_would_run():
    fast = optimized(_network('labels'))
    norms = [name for name, module in fast.named_modules()
             if isinstance(module, torch.nn.BatchNorm3d) and '.pool_' not in name]
    assert norms == []


def test_bfloat16_finds_nearly_the_same_labels():
    network = _network('ammnet')
    inputs = _inputs(network)
    with torch.inference_mode():
        expected = network(inputs).ssc_logits
        found = optimized(network, torch.bfloat16)(inputs).ssc_logits
    assert found.dtype == torch.float32
    assert (found.argmax(1) == expected.argmax(1)).float().mean() > 0.97
