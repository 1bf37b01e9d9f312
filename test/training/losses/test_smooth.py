"""Tests of the label-smoothed cross-entropy."""

from __future__ import annotations

import pytest
import torch

from training.losses import masked_labels, pixel_labels, smooth_cross_entropy


@pytest.fixture(scope='module')
def logits(official) -> torch.Tensor:
    return 4 * official.uniform('ce', 5, 12).float()


TARGET = torch.tensor([0, 3, 11, 255, 7])


@pytest.mark.parametrize(('smoothing', 'expected'), [(0.2, 2.901183), (0.0, 2.882174)])
def test_values_of_the_official_loss(
    logits: torch.Tensor, smoothing: float, expected: float,
) -> None:
    assert float(smooth_cross_entropy(logits, TARGET, smoothing=smoothing)) == pytest.approx(
        expected, abs=2e-6)


def test_equal_weights_change_nothing(logits: torch.Tensor) -> None:
    weighted = smooth_cross_entropy(logits, TARGET, weights=torch.full((12,), 3.0))
    torch.testing.assert_close(weighted, smooth_cross_entropy(logits, TARGET))


def test_a_weighted_class_counts_by_its_weight(logits: torch.Tensor) -> None:
    logits, target = logits[:2], torch.tensor([3, 7])
    weights = torch.ones(12)
    weights[3] = 4
    first, second = (smooth_cross_entropy(logits[i:i + 1], target[i:i + 1], smoothing=0.0)
                     for i in (0, 1))
    torch.testing.assert_close(
        smooth_cross_entropy(logits, target, smoothing=0.0, weights=weights),
        (4 * first + second) / 5)


def test_nothing_known_costs_nothing_and_has_a_gradient() -> None:
    logits = torch.randn(2, 12, 4, requires_grad=True)
    loss = smooth_cross_entropy(logits, torch.full((2, 4), 255))
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(logits.grad.abs().max()) == 0


def test_voxels_outside_the_weight_are_unknown() -> None:
    labels = torch.tensor([[[[1, 2]]]], dtype=torch.uint8)
    weight = torch.tensor([[[[True, False]]]])
    assert masked_labels(labels, weight).flatten().tolist() == [1, 255]


def test_pixels_take_the_label_of_their_voxel() -> None:
    labels = torch.arange(8, dtype=torch.uint8).view(1, 2, 2, 2)
    voxels = torch.tensor([[[-1, 7], [3, 3]]])
    assert pixel_labels(labels, voxels).tolist() == [[[255, 7], [3, 3]]]
