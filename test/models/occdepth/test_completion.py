from __future__ import annotations

import pytest
import torch

from ssc_ros.models.occdepth.completion import CompletionNetwork

SHAPE = (8, 8, 12)


def _network(**options) -> CompletionNetwork:
    return CompletionNetwork(8, SHAPE, 5, **{
        'final_stride': None, 'cascade_head': False, 'occlusion_head': False,
        'context_prior': False, **options})


@pytest.mark.parametrize(('final_stride', 'factor'), [(None, 1), (1, 1), (2, 2)])
def test_scores_have_the_lifted_or_the_upsampled_resolution(final_stride, factor):
    output = _network(final_stride=final_stride)(torch.randn(2, 8, *SHAPE))
    assert output.ssc_logits.shape == (2, 5, *(factor * length for length in SHAPE))


@pytest.mark.parametrize(('option', 'field'), [
    ('cascade_head', 'occ_logits'), ('occlusion_head', 'occlusion_logits'),
    ('context_prior', 'relation_logits')])
def test_optional_parts_appear_only_on_request(option, field):
    volume = torch.randn(2, 8, *SHAPE)
    assert getattr(_network()(volume), field) is None
    assert getattr(_network(**{option: True})(volume), field) is not None


def test_published_gradients_reach_all_but_the_unused_branches():
    network = _network(keeps_unused=True, context_prior=True, cascade_head=True)
    output = network(torch.randn(2, 8, *SHAPE))
    (output.ssc_logits.sum() + output.relation_logits.sum()).backward()
    without = [name for name, value in network.named_parameters() if value.grad is None]
    # Three branches of a convolution and a norm in each of the seven blocks of stride 1.
    assert len(without) == 7 * 3 * 3
    assert all('.pool_' in name for name in without)
