"""Tests of the frustum proportion loss."""

from __future__ import annotations

import pytest
import torch

from training.losses import frustum_cells, frustum_proportion


def one_frustum(shares: list[list[float]], labels: list[int], cells: list[list[int]]) -> float:
    probabilities = torch.tensor(shares).T.reshape(1, len(shares[0]), len(labels), 1, 1)
    target = torch.tensor(labels, dtype=torch.uint8).reshape(1, -1, 1, 1)
    return frustum_proportion(
        probabilities, target, torch.tensor([cells], dtype=torch.uint8)).item()


def test_divergence_has_the_hand_value() -> None:
    shares = [[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]
    assert one_frustum(shares, [0, 2], [[5, 5]]) == pytest.approx(0.6365, abs=1e-4)


def test_matching_shares_cost_nothing() -> None:
    shares = [[0.0, 1.0], [1.0, 0.0]]
    assert one_frustum(shares, [0, 1], [[5, 5]]) == pytest.approx(0, abs=1e-6)


def test_the_loss_is_the_mean_over_used_frusta() -> None:
    shares = [[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.0, 1.0, 0.0]]
    expected = 0.6365 / 2
    assert one_frustum(shares, [0, 2, 1], [[5, 5, 6]]) == pytest.approx(expected, abs=1e-4)


def test_a_voxel_counts_once_per_patch_and_in_each_patch_of_its_views() -> None:
    shares = [[0.7, 0.3], [0.2, 0.8]]
    alone = one_frustum(shares, [0, 1], [[5, 5]])
    assert one_frustum(shares, [0, 1], [[5, 5], [5, 255]]) == alone
    assert one_frustum(shares, [0, 1], [[5, 5], [9, 9]]) == pytest.approx(alone)
    assert one_frustum(shares, [0, 1], [[5, 5], [9, 5]]) != pytest.approx(alone)


def test_unknown_and_unseen_voxels_take_no_part() -> None:
    shares = [[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    value = one_frustum(shares, [0, 2, 255, 1], [[5, 5, 5, 255]])
    assert value == pytest.approx(0.6365, abs=1e-4)


def test_no_frustum_at_all_costs_nothing_and_keeps_the_graph() -> None:
    probabilities = torch.rand(1, 3, 2, 1, 1, requires_grad=True)
    target = torch.zeros(1, 2, 1, 1, dtype=torch.uint8)
    loss = frustum_proportion(probabilities, target, torch.full((1, 2, 2), 255).to(torch.uint8))
    loss.backward()
    assert loss == 0
    assert not probabilities.grad.any()


def test_the_batch_is_pooled() -> None:
    probabilities = torch.tensor([[0.7, 0.2, 0.1]] * 2).reshape(2, 3, 1, 1, 1)
    target = torch.tensor([0, 2], dtype=torch.uint8).reshape(2, 1, 1, 1)
    cells = torch.full((2, 1, 1), 5, dtype=torch.uint8)
    loss = frustum_proportion(probabilities, target, cells)
    assert loss.item() == pytest.approx(0.6365, abs=1e-4)


def test_patches_have_the_real_valued_limits_of_the_image() -> None:
    u = torch.tensor([0, 152, 153, 1219, -1, 610])
    v = torch.tensor([0, 46, 47, 369, 5, 185])
    in_view = torch.tensor([True, True, True, True, False, True])
    cells = frustum_cells(torch.stack([u, v], dim=-1), in_view, (370, 1220))
    assert cells.tolist() == [0, 0, 9, 63, 255, 36]
