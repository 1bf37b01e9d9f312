"""Tests of what IMENet learns from."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ssc_ros.models.imenet.inputs import SketchOutput
from training.losses.imenet import pixel_cross_entropy, sketch_losses, voxel_targets

LABELS = torch.tensor([0, 0, 0, 5, 5, 255, 0, 0], dtype=torch.uint8).view(1, 2, 2, 2)
WEIGHT = torch.tensor([1, 1, 0, 1, 1, 1, 1, 1], dtype=torch.bool).view(1, 2, 2, 2)


def chosen(mask: str) -> list[int]:
    return voxel_targets(LABELS, WEIGHT, mask).flatten().tolist()


def test_hidden_empty_voxels_count_and_free_and_unknown_ones_do_not() -> None:
    assert chosen('nonfree') == [0, 0, 255, 5, 5, 255, 0, 0]


def test_the_literal_mask_knows_no_empty_voxel() -> None:
    assert chosen('occupied_only') == [255, 255, 255, 5, 5, 255, 255, 255]


@pytest.mark.parametrize('occupied', [1, 3, 200])
def test_balancing_draws_twice_as_many_empty_voxels_or_all(occupied: int) -> None:
    labels = torch.zeros(1, 8, 8, 8, dtype=torch.uint8)
    labels.view(-1)[:occupied] = 7
    weight = torch.ones_like(labels, dtype=torch.bool)
    targets = voxel_targets(labels, weight, 'sscnet_balanced')
    assert int((targets == 7).sum()) == occupied
    assert int((targets == 0).sum()) == min(2 * occupied, 512 - occupied)


def test_balancing_counts_each_sample_by_itself_and_draws_anew() -> None:
    labels = torch.zeros(2, 8, 8, 8, dtype=torch.uint8)
    labels[0, 0, 0, :2] = 3
    weight = torch.ones_like(labels, dtype=torch.bool)
    first, second = (voxel_targets(labels, weight, 'sscnet_balanced') for _ in range(2))
    assert (first == 0).flatten(1).sum(1).tolist() == [4, 0]
    assert not torch.equal(first, second)


def test_unlabelled_pixels_do_not_count() -> None:
    logits, labels = torch.randn(1, 12, 2, 2), torch.tensor([[[0, 3], [0, 11]]])
    expected = F.cross_entropy(logits[0, :, :, 1].T, torch.tensor([3, 11]))
    torch.testing.assert_close(pixel_cross_entropy(logits, labels.to(torch.uint8)), expected)
    none = pixel_cross_entropy(logits, torch.zeros(1, 2, 2, dtype=torch.uint8))
    assert float(none) == 0


def test_the_sketch_is_learned_by_both_stages_and_its_prior() -> None:
    sketch = torch.tensor([0, 1, 255, 1]).view(1, 4, 1, 1).to(torch.uint8)
    weight = torch.tensor([1, 1, 1, 0]).view(1, 4, 1, 1).bool()
    raw, prior, posterior = torch.randn(3, 1, 2, 4, 1, 1)
    mean, log_variance = torch.randn(2, 1, 16, 1, 1, 1)
    losses = sketch_losses(
        SketchOutput(raw, prior, posterior, mean, log_variance), sketch, weight)
    for name, logits in (('sketch_raw', raw), ('sketch_prior', prior), ('sketch', posterior)):
        torch.testing.assert_close(losses[name], F.cross_entropy(
            logits[0, :, :2, 0, 0].T, torch.tensor([0, 1])))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0)).mean()
    torch.testing.assert_close(losses['sketch_divergence'], expected)
    with pytest.raises(ValueError, match='saw no true sketch'):
        sketch_losses(SketchOutput(raw, prior), sketch, weight)
