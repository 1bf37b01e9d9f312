"""Folding removes every norm and changes no answer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssc_ros.models.gad.inference import optimized


@pytest.mark.parametrize('changes', [
    {}, {'encoder': 'fcrn', 'keeps_unused_parameters': True}, {'gap': 'vanconv'},
    {'encoder': 'lite0', 'spf_tap': 'last', 'gap': 'local'},
    {'has_depth': False, 'propagates_features': False, 'gap': 'none', 'has_spf': False}])
def test_the_folded_network_answers_the_same(build, images, changes):
    network = build(**changes)
    for name, value in network.named_buffers():
        if name.endswith('running_mean'):
            value.add_(0.1)
    folded = optimized(network)
    assert not any(isinstance(each, nn.BatchNorm2d) for each in folded.modules())
    with torch.inference_mode():
        expected, found = network(images), folded(images)
    torch.testing.assert_close(found.label_logits, expected.label_logits, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found.depth_m, expected.depth_m, atol=1e-3, rtol=1e-3)


def test_the_network_itself_stays_as_it_is(build):
    network = build()
    optimized(network)
    assert any(isinstance(each, nn.BatchNorm2d) for each in network.modules())
    assert all(each.requires_grad for each in network.parameters())
