"""Tests of 3D-Sketch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from ssc_ros.models.imenet.presets import load_preset
from ssc_ros.models.imenet.sketch import Hourglass, SketchPrior, SketchSSC

GRID = (8, 4, 8)
PIXELS = 64 * 64


def count(module: nn.Module, *, trainable: bool = False) -> int:
    return sum(each.numel() for each in module.parameters()
               if each.requires_grad or not trainable)


@pytest.fixture
def small() -> SketchSSC:
    torch.manual_seed(0)
    return SketchSSC(replace(
        load_preset('small-sketch'), grid_shape=GRID, voxel_channels=8, sketch_samples=2))


@pytest.fixture
def batch() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return (torch.randn(2, 1, *GRID), torch.randn(2, 3, 64, 64),
            torch.randint(0, PIXELS + 1, (2, 8 * 4 * 8)))


def test_it_has_the_parameters_of_the_release() -> None:
    with torch.device('meta'):
        network: Any = SketchSSC(load_preset('s1'))
    assert count(network) == 28_118_774
    assert count(network, trainable=True) == 4_486_966
    assert count(network.encoder) == 23_631_808
    assert count(network.stage1) == 2_031_130
    assert count(network.stage1.prior) == 65_985
    assert count(network.stage2) == 2_455_836


def test_each_level_halves_the_resolution_and_both_come_back() -> None:
    with torch.device('meta'):
        hourglass, volume = Hourglass(128, 12), torch.empty(1, 128, 60, 36, 60)
        middle = hourglass.encode_middle(volume)
    assert middle.shape == (1, 128, 30, 18, 30)
    assert hourglass.encode_coarse(middle).shape == (1, 256, 15, 9, 15)
    assert hourglass(volume).shape == (1, 12, 60, 36, 60)


def test_scores_and_sketches_have_the_shape_of_the_grid(small, batch) -> None:
    scores, sketches = small.eval()(*batch)
    assert scores.shape == (2, 12, *GRID)
    assert sketches.raw_logits.shape == sketches.prior_logits.shape == (2, 2, *GRID)
    assert sketches.posterior_logits is sketches.mean is sketches.log_variance is None


def test_equal_frames_get_equal_answers(small, batch) -> None:
    small.eval()
    first, second = small(*batch)[0], small(*batch)[0]
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.manual_seed(7)
    other = SketchPrior(2, GRID)
    torch.testing.assert_close(other.noise, small.stage1.prior.noise, rtol=0, atol=0)


def test_training_draws_other_samples_each_time_and_sees_the_truth(small, batch) -> None:
    sketch = torch.randint(0, 2, (2, *GRID), dtype=torch.uint8)
    torch.manual_seed(0)
    first = small.train()(*batch, sketch)[1]
    second = small(*batch, sketch)[1]
    assert not torch.equal(first.prior_logits, second.prior_logits)
    assert first.posterior_logits.shape == (2, 2, *GRID)
    assert first.mean.shape == first.log_variance.shape == (2, 16, 2, 1, 2)


def test_unknown_voxels_count_as_no_sketch(batch) -> None:
    torch.manual_seed(0)
    prior = SketchPrior(1, GRID).train()
    sketch = torch.randint(0, 2, (2, *GRID), dtype=torch.uint8)
    raw = torch.randn(2, 2, *GRID)
    expected = prior(raw, sketch).mean
    sketch[sketch == 0] = 255
    torch.testing.assert_close(prior(raw, sketch).mean, expected)


def test_no_gradient_reaches_the_first_stage_through_the_prior(small, batch) -> None:
    _, sketches = small.train()(*batch)
    sketches.prior_logits.sum().backward()
    assert all(each.grad is None for each in small.stage1.hourglass.parameters())
    assert any(each.grad is not None for each in small.stage1.prior.parameters())


def test_the_encoder_is_not_trained_but_its_statistics_follow(small, batch) -> None:
    norm = next(each for each in small.encoder.modules() if isinstance(each, nn.BatchNorm2d))
    before = norm.running_mean.clone()
    small.train()(*batch)[0].sum().backward()
    assert all(each.grad is None for each in small.encoder.parameters())
    assert not torch.equal(norm.running_mean, before)


def test_the_image_reaches_visible_voxels(small, batch) -> None:
    tsdf, image, pixels = batch
    small.eval()
    nowhere = torch.full_like(pixels, PIXELS)
    seen = small(tsdf, image, pixels)[0] - small(tsdf, 2 * image, pixels)[0]
    unseen = small(tsdf, image, nowhere)[0] - small(tsdf, 2 * image, nowhere)[0]
    assert seen.abs().max() > 0
    assert unseen.abs().max() == 0
