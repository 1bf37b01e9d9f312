"""The losses of GAD have hand values, and unlabelled or unmeasured pixels teach nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.models.gad.inputs import GadOutput
from training.losses import GadLossConfig, berhu, depth_berhu, focal_cross_entropy, gad_losses

CONFIG = GadLossConfig(size=None)


def logits_of(probability: float) -> torch.Tensor:
    """Return one pixel of three classes of which class 1 has the probability among 1 and 2."""
    odds = math.log(probability / (1 - probability))
    return torch.tensor([7.0, odds, 0]).view(1, 3, 1, 1)


def pixel(label: int) -> torch.Tensor:
    return torch.full((1, 1, 1), label, dtype=torch.uint8)


def everywhere(values: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(values, dtype=torch.bool)


@pytest.mark.parametrize(('probability', 'weight'), [(0.9, 0.01), (0.1, 0.81)])
def test_sure_answers_weigh_little(probability, weight):
    loss = focal_cross_entropy(logits_of(probability), pixel(1))
    assert float(loss) == pytest.approx(-weight * math.log(probability), rel=1e-4)


def test_gamma_zero_is_cross_entropy_without_class_zero():
    logits = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(24).view(2, 3, 4) % 5
    expected = F.cross_entropy(logits[:, 1:], labels - 1, ignore_index=-1)
    torch.testing.assert_close(focal_cross_entropy(logits, labels, gamma=0), expected)
    unmasked = F.cross_entropy(logits, labels, ignore_index=0)
    torch.testing.assert_close(
        focal_cross_entropy(logits, labels, gamma=0, masks_unlabelled=False), unmasked)


def test_the_sum_counts_every_labelled_pixel():
    logits, labels = logits_of(0.3).expand(1, 3, 2, 2), torch.tensor([[[1, 0], [1, 255]]])
    torch.testing.assert_close(
        focal_cross_entropy(logits, labels, reduction='sum'),
        2 * focal_cross_entropy(logits, labels))


@pytest.mark.parametrize('ignored', [0, 255])
def test_unlabelled_pixels_have_no_gradient(ignored):
    logits = torch.randn(1, 3, 1, 2, requires_grad=True)
    focal_cross_entropy(logits, torch.tensor([[[ignored, 2]]], dtype=torch.uint8)).backward()
    assert not logits.grad[..., 0].any() and logits.grad[..., 1].any()


def test_nothing_labelled_costs_nothing():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = focal_cross_entropy(logits, torch.zeros(1, 2, 2))
    loss.backward()
    assert float(loss.detach()) == 0 and not logits.grad.any()


def test_certain_answers_stay_finite():
    logits = torch.tensor([0.0, 1e4, 0, 0]).view(1, 4, 1, 1).repeat(1, 1, 1, 2).requires_grad_()
    focal_cross_entropy(logits, torch.tensor([[[1, 2]]])).backward()
    assert torch.isfinite(logits.grad).all()


def test_berhu_is_linear_below_the_threshold_and_quadratic_above():
    error = torch.tensor([[[0.0, 0.1, 0.2, 1.0]]])  # the threshold is 0.2
    loss = berhu(error, torch.zeros_like(error), everywhere(error))
    assert float(loss) == pytest.approx((0 + 0.1 + 0.2 + (1 + 0.04) / 0.4) / 4)


@given(threshold=st.floats(0.01, 5), sign=st.sampled_from([-1, 1]))
def test_berhu_is_continuous_at_its_threshold(threshold, sign):
    steps = torch.tensor([1 - 1e-5, 1, 1 + 1e-5], dtype=torch.float64) * threshold * sign
    largest = torch.tensor([threshold / 0.2], dtype=torch.float64)
    values = []
    for step in steps:
        error = torch.stack((step, largest[0]))[None, None]
        total = 2 * berhu(error, torch.zeros_like(error), everywhere(error))
        values.append(float(total - (largest ** 2 + threshold ** 2) / (2 * threshold)))
    assert values == pytest.approx([threshold] * 3, rel=1e-4)


def test_the_threshold_is_of_the_batch_or_of_the_image():
    predicted = torch.tensor([[[0.1, 0.5]], [[1.0, 10.0]]])
    target = torch.zeros_like(predicted)
    batch = berhu(predicted, target, everywhere(target))
    image = berhu(predicted, target, everywhere(target), scope='image')
    assert float(batch) == pytest.approx((0.1 + 0.5 + 1 + (100 + 4) / 4) / 4)
    assert float(image) == pytest.approx((0.1 + (0.25 + 0.01) / 0.2 + 1 + (100 + 4) / 4) / 4)


def test_the_threshold_passes_no_gradient():
    predicted = torch.tensor([[[1.0, 10.0]]], requires_grad=True)
    berhu(predicted, torch.zeros(1, 1, 2), torch.ones(1, 1, 2, dtype=torch.bool)).backward()
    assert predicted.grad.flatten().tolist() == pytest.approx([0.5, 0.5 * 10 / 2])


@pytest.mark.parametrize('missing', [0.0, 10.0, 12.0, math.nan, math.inf])
@pytest.mark.parametrize('space', ['metric', 'log'])
def test_missing_depth_costs_nothing(missing, space):
    predicted = torch.randn(1, 2, 2, requires_grad=True)
    config = replace(CONFIG, depth_space=space)
    loss = depth_berhu(predicted, torch.full((1, 2, 2), missing), config)
    loss.backward()
    assert float(loss.detach()) == 0 and not predicted.grad.any()


def test_logarithms_compare_ratios():
    config = replace(CONFIG, depth_space='log')
    near = depth_berhu(torch.full((1, 1, 1), 2.0), torch.full((1, 1, 1), 1.0), config)
    far = depth_berhu(torch.full((1, 1, 1), 8.0), torch.full((1, 1, 1), 4.0), config)
    torch.testing.assert_close(near, far)


def test_samples_without_depth_do_not_count():
    predicted = torch.tensor([1.0, 5.0]).view(2, 1, 1)
    target = torch.full((2, 1, 1), 2.0)
    alone = depth_berhu(predicted[:1], target[:1], CONFIG)
    masked = depth_berhu(predicted, target, CONFIG, has_depth=torch.tensor([True, False]))
    torch.testing.assert_close(masked, alone)


@pytest.fixture
def output() -> GadOutput:
    generator = torch.Generator().manual_seed(0)
    sides = tuple(torch.randn(2, 4, size, size, generator=generator) for size in (2, 4, 8))
    semantic = torch.randn(2, 4, 16, 16, generator=generator)
    return GadOutput(sides[-1], torch.rand(2, 1, 16, 16, generator=generator), semantic, sides)


LABELS = torch.arange(2 * 12 * 12).view(2, 12, 12) % 5
DEPTH_M = torch.rand(2, 12, 12, generator=torch.Generator().manual_seed(1)) * 5


def test_the_total_is_the_plain_sum(output):
    losses = gad_losses(output, LABELS.clamp(max=3), DEPTH_M, CONFIG)
    assert len(losses.sides) == 3
    torch.testing.assert_close(
        losses.total, losses.semantic + losses.depth + torch.stack(losses.sides).sum())


@pytest.mark.parametrize('size', [None, (24, 20)])
def test_every_head_is_judged_at_one_size_or_at_its_own(output, size):
    labels = LABELS.clamp(max=3)
    losses = gad_losses(output, labels, DEPTH_M, replace(CONFIG, size=size))
    height, width = size or (2, 2)
    predicted = F.interpolate(
        output.side_logits[0], (height, width), mode='bilinear', align_corners=True)
    rows = ((torch.arange(height) + 0.5) * 12 / height).long()
    columns = ((torch.arange(width) + 0.5) * 12 / width).long()
    expected = focal_cross_entropy(predicted, labels[:, rows][:, :, columns])
    torch.testing.assert_close(losses.sides[0], expected)


def test_without_a_depth_branch_or_measurements_depth_costs_nothing(output):
    labels = LABELS.clamp(max=3)
    for each, depth_m in ((output._replace(depth_m=None), DEPTH_M), (output, None)):
        assert float(gad_losses(each, labels, depth_m, CONFIG).depth) == 0


def test_a_segmentation_alone_cannot_be_judged(output):
    with pytest.raises(ValueError, match='all_heads'):
        gad_losses(output._replace(semantic_logits=None), LABELS, DEPTH_M, CONFIG)
