"""Tests of depth distillation."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ssc_ros.models.occdepth.depth_bins import DepthBins
from training.losses import block_minimum, depth_cross_entropy
from training.losses.depth import _one_hot_cross_entropy

HAND_DEPTH = torch.tensor([
    [0, 3, 4, 9.5], [0, 5, 4.5, 12], [0, 0, 1, 1.5], [0, 0, 1.2, 1.9],
])[None]


def enlarged(depth_m: torch.Tensor) -> torch.Tensor:
    """Repeat pixels so that blocks of 2 become blocks of 8."""
    return depth_m.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)


def test_blocks_keep_their_nearest_depth() -> None:
    assert block_minimum(HAND_DEPTH, (2, 2), factor=2).tolist() == [[[3, 4], [1e5, 1]]]


def test_depth_is_resized_to_the_features_first() -> None:
    depth_m = torch.rand(1, 30, 41) + 1
    assert block_minimum(depth_m, (4, 5)).shape == (1, 4, 5)


def test_uniform_prediction_has_the_hand_value() -> None:
    loss = depth_cross_entropy(
        torch.zeros(1, 4, 2, 2), enlarged(HAND_DEPTH), DepthBins('uniform', 2, 10, 4))
    assert loss.item() == pytest.approx(2.2493, abs=1e-4)


def test_uniform_prediction_over_104_bins_has_the_hand_value() -> None:
    loss = depth_cross_entropy(
        torch.zeros(1, 104, 2, 2), torch.full((1, 16, 16), 28.0), DepthBins('lid', 2, 54, 104))
    assert loss.item() == pytest.approx(5.640, abs=1e-3)


@pytest.mark.parametrize(('spacing', 'depth', 'expected'), [
    ('uniform', 2.5, 1), ('uniform', 5, 6), ('uniform', 10, 16), ('uniform', 20, 36),
    ('uniform', 28, 52), ('uniform', 40, 76), ('lid', 2.5, 9), ('lid', 28, 73), ('lid', 40, 88),
])
def test_the_taught_bin_is_the_one_of_the_spacing(
    spacing, depth: float, expected: int
) -> None:
    logits = torch.zeros(1, 104, 1, 1, requires_grad=True)
    bins = DepthBins(spacing, 2, 54, 104)
    depth_cross_entropy(logits, torch.full((1, 8, 8), depth), bins).backward()
    assert logits.grad.flatten().argmin() == expected


@pytest.mark.parametrize('depth', [0.0, 1.9, 54.0, 80.0])
def test_depth_outside_the_bins_teaches_nothing(depth: float) -> None:
    logits = torch.randn(1, 104, 1, 1, requires_grad=True)
    loss = depth_cross_entropy(
        logits, torch.full((1, 8, 8), depth), DepthBins('lid', 2, 54, 104))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def test_equals_binary_cross_entropy_of_the_softmax() -> None:
    logits, index = torch.randn(5, 7, generator=torch.Generator().manual_seed(3)), torch.arange(5)
    expected = F.binary_cross_entropy(
        logits.softmax(dim=1), F.one_hot(index, 7).float(), reduction='sum') / 5
    torch.testing.assert_close(_one_hot_cross_entropy(logits, index), expected)


def test_certain_predictions_stay_finite() -> None:
    logits = torch.tensor([[1e4, 0, 0], [1e4, 0, 0]], requires_grad=True)
    loss = _one_hot_cross_entropy(logits, torch.tensor([0, 1]))
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(logits.grad).all()
