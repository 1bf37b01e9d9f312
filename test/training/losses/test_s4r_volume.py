"""Losses of voxels, against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from training.losses.s4r_volume import (
    VolumeTarget,
    class_weights,
    distance_loss,
    log_distance,
    occupancy_loss,
    volume_target,
    voxel_color_loss,
    voxel_label_loss,
)
from training.options.s4r import S4rLossConfig

CONFIG = S4rLossConfig()


def line(*values: float) -> Tensor:
    """Return values as a volume (1, 1, 1, N)."""
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


def target_of(complete: Tensor, incomplete: Tensor, known: Tensor, **changes) -> VolumeTarget:
    return volume_target(complete, incomplete, known.to(torch.uint8), S4rLossConfig(**changes))


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_the_log_transform_is_odd_and_monotone(first, second):
    one, other = (log_distance(torch.tensor(each, dtype=torch.float64)) for each in (
        first, second))
    assert log_distance(torch.tensor(-first, dtype=torch.float64)) == -one
    if first < second:
        assert one <= other


def test_holes_of_the_input_weigh_five_and_the_unknown_nothing():
    target = target_of(
        line(0.5, 0.5, 3.0, -4.0, -torch.inf), line(0.4, -torch.inf, -3, -3, 0),
        line(1, 1, 0, 4, 2))
    assert target.weight.flatten().tolist() == [1, 5, 1, 0, 0]
    assert target.tsdf_voxels.flatten().tolist() == [0.5, 0.5, 3, -3, -3]
    assert target.known.tolist() == [3]


def test_distances_behind_surfaces_are_learned_as_far_as_asked_and_measured():
    volumes = line(0.5, -1.5, -2.5, -4.0, -torch.inf), line(0.4, -1.5, -torch.inf, -3, -3)
    codes = line(1, 2, 3, 5, 2)
    weights = [target_of(*volumes, codes, behind_voxels=behind).weight.flatten().tolist()
               for behind in (1.0, 2.0, 3.0)]
    assert weights == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]
    with pytest.raises(ConfigurationError, match=r'behind_voxels 0\.5'):
        S4rLossConfig(behind_voxels=0.5)


def test_free_space_that_files_do_not_list_is_free():
    target = target_of(line(-torch.inf, -3.0), line(-3, -3), line(0, 0))
    assert target.tsdf_voxels.flatten().tolist() == [3, 3]
    assert target.weight.flatten().tolist() == [1, 1]


def test_distances_are_compared_as_logarithms_over_known_voxels():
    target = target_of(line(1.0, 0.0, 0.0), line(1.0, -3.0, 0.0), line(1, 1, 2))
    loss = distance_loss(line(2.0, 1.0, 9.0), target)
    assert loss.item() == pytest.approx(
        ((math.log(3) - math.log(2)) + 5 * math.log(2)) / 2, rel=1e-5)


def test_the_truth_costs_nothing_and_neither_does_going_beyond_a_bound():
    truth = line(1.5, -3.0, 3.0, -0.2)
    target = target_of(truth, truth, line(1, 1, 1, 1))
    assert distance_loss(truth, target).item() == 0
    assert distance_loss(line(1.5, -7.0, 5.0, -0.2), target).item() == 0


def test_predictions_beyond_the_wrong_bound_are_pulled_back():
    predicted = line(6.0, -6.0).requires_grad_()
    distance_loss(predicted, target_of(
        line(-1.0, 3.0), line(-1.0, 3.0), line(1, 0))).sum().backward()
    assert predicted.grad[..., 0] > 0 > predicted.grad[..., 1]


def test_occupancy_is_a_weighted_cross_entropy():
    target = target_of(line(0.5, 3.0, 0.0), line(-3.0, 3.0, 0.0), line(1, 0, 3))
    loss = occupancy_loss(line(0.0, math.log(3), 9.0), target)
    assert loss.item() == pytest.approx((5 * math.log(2) + math.log(4)) / 2, rel=1e-5)


def test_spsg_leaves_out_what_the_network_calls_empty():
    volumes = (line(0.5, 0.5), line(0.5, 0.5), line(1, 1).to(torch.uint8))
    config = S4rLossConfig(masks_predicted_empty=True)
    target = volume_target(*volumes, config, line(-1.0, 1.0))
    assert target.weight.flatten().tolist() == [0, 1]
    with pytest.raises(ValueError, match='needs the occupancy'):
        volume_target(*volumes, config)


def test_nothing_known_costs_nothing():
    target = target_of(line(-torch.inf), line(-torch.inf), line(2))
    assert distance_loss(line(1.0), target).item() == 0
    assert occupancy_loss(line(1.0), target).item() == 0


def test_supervision_is_of_labelled_surface_voxels():
    logits = torch.zeros(1, 3, 1, 1, 4)
    logits[0, 1, ..., 0] = math.log(2)
    labels = torch.tensor([1, 1, 255, 0], dtype=torch.uint8).view(1, 1, 1, 4)
    loss = voxel_label_loss(logits, labels, line(0.5, 1.5, 0.0, -0.9))
    assert loss.item() == pytest.approx((math.log(2) + math.log(3)) / 2)
    assert voxel_label_loss(logits, labels, line(3, 3, 3, 3)).item() == 0


def test_rare_classes_weigh_more():
    weights = class_weights(torch.tensor([0.0, 0.8]))
    assert weights.tolist() == pytest.approx([1 / math.log(1.2), 1 / math.log(2)])


def test_supervised_colors_count_on_the_surface():
    predicted = torch.zeros(1, 3, 1, 1, 2)
    loss = voxel_color_loss(predicted, torch.full_like(predicted, 0.5), line(0.0, 2.0))
    assert loss.item() == pytest.approx(1.5)
    assert voxel_color_loss(predicted, predicted + 1, line(3.0, 3.0)).item() == 0
