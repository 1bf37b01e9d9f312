"""Geometry-aware propagation in all its modes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from ssc_ros.models.gad.presets import load_preset
from ssc_ros.models.gad.propagation import AffinityPropagation, make_propagation

MODES = ('affinity', 'local', 'conv', 'vanconv')


@pytest.fixture
def features() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    depth, semantic = (torch.randn(1, 8, 6, 7, generator=generator) for _ in range(2))
    return depth, semantic


def made(tiny, **changes) -> nn.Module:
    torch.manual_seed(0)
    module = make_propagation(replace(tiny, **changes))
    assert module is not None
    return module.eval()


@pytest.mark.parametrize('mode', MODES)
def test_every_mode_keeps_the_shape_and_listens_to_both(tiny, features, mode):
    module = made(tiny, gap=mode)
    result = module(*features)
    assert result.shape == features[1].shape
    depth, semantic = features
    assert not torch.allclose(result, module(depth.flip(-1), semantic))
    assert not torch.allclose(result, module(depth, semantic.flip(-1)))


@pytest.mark.parametrize('mode', MODES)
def test_gradients_reach_everything(tiny, features, mode):
    module = made(tiny, gap=mode).train()
    module(*features).square().sum().backward()
    # A bias before a batch norm has no effect.
    assert all(each.weight.grad.abs().sum() > 0
               for each in module.modules() if isinstance(each, nn.Conv2d))


def test_no_propagation_is_no_module(tiny):
    assert make_propagation(replace(tiny, gap='none')) is None


def test_constant_depth_adds_the_mean_everywhere(tiny, features):
    module = made(tiny, gap='affinity')
    _, semantic = features
    mean = module.value(semantic).mean(dim=(2, 3), keepdim=True)
    expected = module.output(mean) + semantic
    found = module(torch.ones_like(semantic), semantic)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('mode', ['affinity', 'local', 'conv'])
def test_without_the_scale_of_the_output_norm_nothing_is_added(tiny, features, mode):
    module = made(tiny, gap=mode)
    nn.init.zeros_(module.output[1].weight)
    torch.testing.assert_close(module(*features), features[1])


def test_the_weights_depend_on_depth_alone(tiny, features):
    module = made(tiny, gap='affinity')
    depth, semantic = features
    added = [module(depth, each) - each for each in (semantic, 2 * semantic)]
    offset = module.output(module.value(torch.zeros_like(semantic)).mean((2, 3), keepdim=True))
    # The weights sum to one, so what is added is linear in the semantics, but for the biases.
    torch.testing.assert_close(added[1] - offset, 2 * (added[0] - offset))


def test_pooling_shortens_the_keys_alone(tiny, features):
    module = made(tiny, gap='affinity', gap_pool=2)
    assert module(*features).shape == features[1].shape
    whole = made(tiny, gap='affinity')
    assert not torch.allclose(module(*features), whole(*features))
    constant = torch.ones_like(features[0])
    torch.testing.assert_close(module(constant, constant), whole(constant, constant))


@pytest.mark.parametrize('mode', ['affinity', 'local', 'conv'])
def test_the_affinity_has_the_published_size(mode):
    module = AffinityPropagation(replace(load_preset('gad'), gap=mode))
    assert sum(each.numel() for each in module.parameters()) == 8672
