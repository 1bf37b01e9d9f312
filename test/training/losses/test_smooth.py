"""Tests of the label-smoothed cross-entropy."""

from __future__ import annotations

import pytest
import torch

from training.losses import masked_labels, pixel_labels, smooth_cross_entropy


def fill(name: str, count: int) -> torch.Tensor:
    """Return the repeatable pseudo-random values of the reference figures, in [-0.5, 0.5)."""
    import zlib
    seed, modulus = zlib.crc32(name.encode()) % 10007, 1 << 32
    index = torch.arange(1, count + 1, dtype=torch.int64)
    # Halves of the product, for it leaves int64.
    low, high = 2654435761 & 0xFFFF, 2654435761 >> 16
    value = (index * low + ((index * high) % 65536) * 65536 + seed * 40503) % modulus
    value = value ^ (value >> 16)
    low, high = 2246822519 & 0xFFFF, 2246822519 >> 16
    value = (value * low + ((value * high) % 65536) * 65536) % modulus
    value = value ^ (value >> 13)
    return (value.double() / modulus - 0.5).float()


@pytest.mark.parametrize(('smoothing', 'expected'), [(0.2, 2.901183), (0.0, 2.882174)])
def test_values_of_the_official_loss(smoothing: float, expected: float) -> None:
    logits = 4 * fill('ce', 60).view(5, 12)
    target = torch.tensor([0, 3, 11, 255, 7])
    assert float(smooth_cross_entropy(logits, target, smoothing=smoothing)) == pytest.approx(
        expected, abs=2e-6)


def test_equal_weights_change_nothing() -> None:
    logits, target = 4 * fill('ce', 60).view(5, 12), torch.tensor([0, 3, 11, 255, 7])
    weighted = smooth_cross_entropy(logits, target, weights=torch.full((12,), 3.0))
    torch.testing.assert_close(weighted, smooth_cross_entropy(logits, target))


def test_a_weighted_class_counts_by_its_weight() -> None:
    logits, target = 4 * fill('ce', 24).view(2, 12), torch.tensor([3, 7])
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
