"""Skip pyramid fusion follows the encoder's maps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.models.gad.pyramid import SkipPyramidFusion

CHANNELS = (3, 4, 5, 6)
SIZES = ((16, 24), (8, 12), (4, 6), (2, 3))


@pytest.fixture
def maps() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, channels, *size, generator=generator)
            for channels, size in zip(CHANNELS, SIZES, strict=True)]


@pytest.fixture(params=['encoder', 'feature'])
def pyramid(request, tiny) -> SkipPyramidFusion:
    torch.manual_seed(0)
    return SkipPyramidFusion(CHANNELS, replace(tiny, spf_reduces=request.param))


def test_levels_have_the_sizes_of_the_maps(pyramid, maps):
    sides = pyramid(torch.randn(1, 8, 32, 48), maps, all_heads=True)
    assert [each.shape[-2:] for each in sides] == list(reversed(SIZES))


def test_the_finest_level_depends_on_the_finest_map_and_on_all_above(pyramid, maps):
    for each in maps:
        each.requires_grad_()
    features = torch.randn(1, 8, 32, 48, requires_grad=True)
    coarsest, *_, finest = pyramid(features, maps, all_heads=True)
    gradients = torch.autograd.grad(finest.sum(), [features, *maps])
    assert all(each.any() for each in gradients)
    with pytest.raises(RuntimeError, match='not have been used'):
        torch.autograd.grad(coarsest.sum(), maps[:1])


def test_only_the_finest_head_runs_unless_all_are_asked_for(pyramid, maps):
    features = torch.randn(1, 8, 32, 48)
    (finest,) = pyramid(features, maps, all_heads=False)
    assert torch.equal(finest, pyramid(features, maps, all_heads=True)[-1])
