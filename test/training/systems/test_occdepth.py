"""Tests of the OccDepth system."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.metrics import CompletionCounts
from ssc_ros.models.occdepth.completion import CompletionNetwork
from training.datasets.labelled import SampleMaker
from training.datasets.loading import open_split
from training.experiment import Experiment
from training.losses import (
    class_cross_entropy,
    occupancy_cross_entropy,
    scene_class_affinities,
)
from training.systems.occdepth import OCCUPANCY_WEIGHTS, OccDepthSystem, loss_weights


@pytest.fixture
def experiment(make_experiment, tmp_path) -> Experiment:
    return make_experiment(tmp_path, network={'context_prior': True})


def system_and_batch(experiment: Experiment):
    torch.manual_seed(0)
    system = OccDepthSystem(experiment.to_dict(), total_steps=10)
    make = SampleMaker(experiment.network, experiment.data, with_cells=True)
    return system, make(open_split(experiment, 'train')[0])


def test_every_loss_reaches_every_parameter(experiment: Experiment) -> None:
    system, batch = system_and_batch(experiment)
    terms = system.loss_terms(system(batch), batch)
    assert set(terms) == {
        'class', 'geometric', 'semantic', 'occupancy', 'frustum', 'relation', 'depth'}
    sum(weight * value for weight, value in terms.values()).backward()
    idle = [name for name, parameter in system.named_parameters() if parameter.grad is None]
    assert not idle


def test_terms_without_weight_are_left_out(make_experiment, tmp_path) -> None:
    experiment = make_experiment(tmp_path, losses={'depth': 0, 'frustum': 0})
    system, batch = system_and_batch(experiment)
    assert set(system.loss_terms(system(batch), batch)) == {
        'class', 'geometric', 'semantic', 'occupancy'}


def test_the_semantic_affinity_fades_to_its_floor(make_experiment, tmp_path, monkeypatch) -> None:
    system, _ = system_and_batch(make_experiment(tmp_path, losses={'semantic_floor': 0.2}))
    for step, share in ((0, 1.0), (5, 0.5), (9, 0.2)):
        monkeypatch.setattr(OccDepthSystem, 'global_step', step)
        assert system._semantic_share() == pytest.approx(share)


def test_published_weights_are_the_defaults(experiment: Experiment) -> None:
    classes, occupancy = loss_weights(experiment)
    assert classes.tolist() == pytest.approx([0.05] + 11 * [1.0])
    assert occupancy.tolist() == pytest.approx([0.05, 2.0])


def test_a_wrong_number_of_class_weights_is_refused(experiment: Experiment) -> None:
    losses = replace(experiment.losses, class_weights=(1.0, 2.0))
    with pytest.raises(ConfigurationError, match='2 class weights for 12 classes'):
        loss_weights(replace(experiment, losses=losses))


def test_channels_last_changes_no_result(make_experiment, tmp_path) -> None:
    plain, batch = system_and_batch(make_experiment(tmp_path))
    fast, _ = system_and_batch(make_experiment(tmp_path, optimization={'channels_last': True}))
    assert any(parameter.is_contiguous(memory_format=torch.channels_last_3d)
               and not parameter.is_contiguous() for parameter in fast.parameters()
               if parameter.dim() == 5)
    with torch.no_grad():
        torch.testing.assert_close(
            plain.eval()(batch).ssc_logits, fast.eval()(batch).ssc_logits, rtol=1e-3, atol=1e-3)


def kitti_scene() -> torch.Tensor:
    """Return a (64, 64, 16) street: road, car, building, vegetation, pole, unknown beyond."""
    labels = np.zeros((64, 64, 16), np.uint8)
    labels[:, :, :2] = 9
    labels[20:30, 20:26, 2:8] = 1
    labels[:, 50:, 2:12] = 13
    labels[:, :10, 2:14] = 15
    labels[40:42, 30:32, 2:12] = 18
    labels[56:] = 255
    return torch.from_numpy(labels)[None]


def scores(logits: torch.Tensor, target: torch.Tensor) -> tuple[float, float]:
    """Return SC IoU and the mean IoU of the classes that are present."""
    counts = CompletionCounts(20)
    counts.update(logits.argmax(dim=1), target)
    result = counts.scores()
    return result.sc_iou, float(np.mean([result.class_iou[c] for c in (1, 9, 13, 15, 18)]))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_3d_network_learns_one_scene_by_heart(make_experiment, tmp_path) -> None:
    experiment = make_experiment(tmp_path, network={'label_space': 'semantic_kitti20',
                                                    'num_classes': 20})
    class_weights, _ = loss_weights(experiment)
    occupancy_weights = torch.tensor(OCCUPANCY_WEIGHTS['semantic_kitti20'])
    torch.manual_seed(0)
    network = CompletionNetwork(
        16, (32, 32, 8), 20, final_stride=2, cascade_head=True, occlusion_head=False,
        context_prior=True, keeps_unused=True)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_033_550
    volume = torch.from_numpy(np.random.RandomState(7).standard_normal(
        (1, 16, 32, 32, 8)).astype(np.float32))
    target = kitti_scene()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    for step in range(101):
        output = network(volume)
        if step == 100:
            break
        loss = class_cross_entropy(output.ssc_logits, target, class_weights)
        loss = loss + occupancy_cross_entropy(output.occ_logits, target, occupancy_weights)
        loss = loss + sum(scene_class_affinities(output.ssc_logits.softmax(dim=1), target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sc_iou, class_iou = scores(output.ssc_logits, target)
    assert sc_iou >= 0.99
    assert class_iou >= 0.99
