"""Tests of the voxel classification losses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from training.losses import (
    class_cross_entropy,
    occupancy_cross_entropy,
    scene_class_affinities,
)

LOGITS = torch.tensor([[2.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 3]]).T.reshape(1, 3, 2, 2, 1)
TARGET = torch.tensor([0, 1, 2, 255], dtype=torch.uint8).reshape(1, 2, 2, 1)


def geometric_affinity(probabilities: Tensor, target: Tensor) -> Tensor:
    return scene_class_affinities(probabilities, target)[0]


def semantic_affinity(probabilities: Tensor, target: Tensor) -> Tensor:
    return scene_class_affinities(probabilities, target)[1]


def plain_affinity(scores: Tensor, truth: Tensor) -> Tensor:
    """Return -ln P - ln R - ln S of one class, term by term as the paper writes it."""
    precision = (scores * truth).sum() / scores.sum()
    recall = (scores * truth).sum() / truth.sum()
    specificity = ((1 - scores) * (1 - truth)).sum() / (1 - truth).sum()
    return -torch.log(torch.stack([precision, recall, specificity])).sum()


def test_cross_entropy_has_the_hand_value() -> None:
    assert class_cross_entropy(LOGITS, TARGET).item() == pytest.approx(0.7808, abs=1e-4)
    weights = torch.tensor([1.0, 2, 4])
    assert class_cross_entropy(LOGITS, TARGET, weights).item() == pytest.approx(1.0783, abs=1e-4)


def test_affinities_have_the_hand_values() -> None:
    probabilities = LOGITS.softmax(dim=1)
    assert semantic_affinity(probabilities, TARGET).item() == pytest.approx(1.7471, abs=1e-4)
    assert geometric_affinity(probabilities, TARGET).item() == pytest.approx(0.9024, abs=1e-4)


def test_occupancy_merges_all_classes() -> None:
    logits = torch.stack([LOGITS[:, 0], LOGITS[:, 2]], dim=1)
    merged = torch.tensor([0, 1, 1, 255]).reshape(1, 2, 2, 1)
    weights = torch.tensor([0.05, 2])
    expected = class_cross_entropy(logits, merged, weights)
    assert occupancy_cross_entropy(logits, TARGET, weights) == expected


@given(st.integers(0, 10_000))
def test_semantic_affinity_equals_the_class_by_class_formula(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.randn(2, 4, 3, 2, 2, generator=generator).softmax(dim=1)
    target = torch.randint(0, 5, (2, 3, 2, 2), generator=generator).to(torch.uint8)
    target[target == 4] = 255
    known = target != 255
    # The plain formula divides by zero where all known voxels are empty, or none is.
    assume(0 < int((target[known] == 0).sum()) < int(known.sum()))
    terms = [
        plain_affinity(probabilities[:, label][known], (target[known] == label).float())
        for label in target[known].unique().tolist()
    ]
    expected = torch.stack(terms).mean()
    torch.testing.assert_close(semantic_affinity(probabilities, target), expected)
    occupied = plain_affinity(1 - probabilities[:, 0][known], (target[known] > 0).float())
    torch.testing.assert_close(geometric_affinity(probabilities, target), occupied)


@pytest.mark.parametrize('loss', [class_cross_entropy, geometric_affinity, semantic_affinity])
@pytest.mark.parametrize('fill', [255, 0, 1])
def test_uniform_targets_give_finite_losses_and_gradients(loss, fill: int) -> None:
    logits = LOGITS.clone().requires_grad_()
    scores = logits if loss is class_cross_entropy else logits.softmax(dim=1)
    value = loss(scores, torch.full_like(TARGET, fill))
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('loss', [geometric_affinity, semantic_affinity])
def test_hopeless_predictions_stay_finite(loss) -> None:
    logits = (-1e4 * torch.nn.functional.one_hot(
        torch.tensor([0, 1, 2, 0]), 3).float()).T.reshape(1, 3, 2, 2, 1).requires_grad_()
    value = loss(logits.softmax(dim=1), TARGET)
    value.backward()
    assert torch.isfinite(value)
    assert value > 50
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('loss', [geometric_affinity, semantic_affinity])
def test_perfect_predictions_cost_nothing(loss) -> None:
    perfect = torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 1]), 3).float()
    assert loss(perfect.T.reshape(1, 3, 2, 2, 1), TARGET).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    'loss', [class_cross_entropy, geometric_affinity, semantic_affinity, occupancy_cross_entropy])
def test_unknown_voxels_never_matter(loss) -> None:
    scores = LOGITS.softmax(dim=1)[:, :2 if loss is occupancy_cross_entropy else 3]
    changed = scores.clone()
    changed[0, :, 1, 1, 0] = torch.tensor([0.9, 0.05, 0.05])[:scores.shape[1]]
    assert loss(scores, TARGET) == loss(changed, TARGET)
