"""Tests of the IMENet system: what learns, what is frozen, and what labels cross over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.metrics import SegmentationCounts
from training.datasets.joint import loading
from training.datasets.joint.batches import JointBatch, JointDataset, join
from training.systems.counting import PixelCounts
from training.systems.imenet import ImenetSystem
from training.systems.imenet_labels import FixedLabels, collect, label_pixels, label_voxels
from training.systems.optimizers import decay_groups
from training.systems.stages import Stage


def make_system(experiment) -> ImenetSystem:
    torch.manual_seed(0)
    system = ImenetSystem(experiment.to_dict(), 100)
    # Refiners begin as if they were not there, and batch statistics alike everywhere.
    with torch.no_grad():
        for parameter in system.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    return system


def boxes(experiment, count: int = 2) -> JointBatch:
    frames = loading.open_frames(experiment, 'train')
    dataset = JointDataset(frames, experiment.network, augments=False)
    return join([dataset[index] for index in range(count)])


def stage(branch: str, number: int, member: int = 0) -> Stage:
    return Stage(branch, number, 0, member, 2, 0, 10)


def learn(system: ImenetSystem, which: Stage, batch: JointBatch) -> None:
    """Take one step with momentum and decay, as a training would."""
    system.freeze_all_but(which)
    modules = torch.nn.ModuleList(system.learning_modules(which))
    optimizer = torch.optim.SGD(decay_groups(modules, 0.1), lr=0.1, momentum=0.9)
    labels = batch.labels2d if which.branch == '3d' else batch.labels3d
    make_terms = system.voxel_terms if which.branch == '3d' else system.image_terms
    terms, _ = make_terms(which, batch, labels)
    sum(weight * value for weight, value in terms.values()).backward()
    optimizer.step()


def changed(system: ImenetSystem, before: dict[str, torch.Tensor]) -> set[str]:
    """Return the names, without what follows the second dot, of tensors that differ."""
    return {'.'.join(name.split('.')[:2]) for name, tensor in system.state_dict().items()
            if not torch.equal(tensor, before[name])}


def state_of(system: ImenetSystem) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in system.state_dict().items()}


@pytest.mark.parametrize(('branch', 'number', 'expected'), [
    ('2d', 0, {'network.image'}), ('3d', 0, {'network.voxel'}),
    ('2d', 1, {'network.image', 'network.refine2d'}),
    ('3d', 1, {'network.voxel', 'network.refine3d'})])
def test_a_step_of_one_branch_leaves_the_other_as_it_was_to_the_bit(
    make_boxes, tmp_path: Path, branch: str, number: int, expected: set[str],
) -> None:
    experiment = make_boxes(tmp_path)
    system = make_system(experiment)
    before = state_of(system)
    learn(system, stage(branch, number), boxes(experiment))
    assert changed(system, before) == expected


def test_a_copy_learns_by_itself(make_boxes, tmp_path: Path) -> None:
    experiment = make_boxes(tmp_path, optimization={'crossfit': True})
    system = make_system(experiment)
    before = state_of(system)
    learn(system, stage('3d', 1, member=2), boxes(experiment))
    assert changed(system, before) == {'halves.1'}


def test_the_image_encoder_of_3d_sketch_stays_frozen(make_imenet, tmp_path: Path) -> None:
    experiment = make_imenet(tmp_path, network={
        'preset': 'small-sketch', 'work_size': [96, 128], 'voxel_channels': 8,
        'dcp3d_rates': [1], 'dcp3d_channels': 4, 'deform_impl': 'plain'})
    system = make_system(experiment)
    system.freeze_all_but(stage('3d', 1))
    learning = {name for name, each in system.named_parameters() if each.requires_grad}
    assert learning and not any('voxel.encoder' in name for name in learning)
    assert any(name.startswith('network.voxel.stage1') for name in learning)


def test_scores_before_refinement_are_learned_where_asked_for(
    make_boxes, tmp_path: Path,
) -> None:
    experiment = make_boxes(tmp_path, losses={'auxiliary': 0.4})
    system, batch = make_system(experiment), boxes(experiment)
    terms, _ = system.voxel_terms(stage('3d', 1), batch, batch.labels2d)
    assert {name: weight for name, (weight, _) in terms.items()} == {
        'voxels': 1.0, 'coarse_voxels': 0.4}
    terms, _ = system.image_terms(stage('2d', 0), batch, None)
    assert set(terms) == {'pixels'}


def test_class_weights_of_pixels_must_be_as_many_as_classes(make_boxes, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='2 class weights for 12 classes'):
        make_system(make_boxes(tmp_path, losses={'class_weights_2d': [1, 2]}))


def test_occupied_voxels_alone_teach_that_all_is_occupied(make_boxes, tmp_path: Path) -> None:
    """SC precision then is the share of occupied voxels; with empty ones it is not."""
    precision = {}
    for mask in ('occupied_only', 'nonfree'):
        experiment = make_boxes(tmp_path, losses={'mask3d': mask}, network={
            'has_dda': False, 'has_dcp2d': False})
        system, batch = make_system(experiment), boxes(experiment, 4)
        which = stage('3d', 0)
        system.freeze_all_but(which)
        optimizer = torch.optim.AdamW(system.network.voxel.parameters(), lr=0.02)
        for _ in range(40):
            terms, scores = system.voxel_terms(which, batch, None)
            optimizer.zero_grad()
            terms['voxels'][1].backward()
            optimizer.step()
        system.counts.reset()
        system.counts.count(scores.argmax(1), batch.labels3d, batch.weight, batch.is_surface)
        precision[mask] = system.counts.scores(lambda tensor: tensor).sc_precision
    hidden = batch.weight & ~batch.is_surface & (batch.labels3d != 255)
    share = float((batch.labels3d[hidden] > 0).float().mean())
    assert precision['occupied_only'] == pytest.approx(share, abs=1e-3)
    assert precision['nonfree'] > share + 0.02


def test_fixed_labels_come_back_by_frame(make_boxes, tmp_path: Path) -> None:
    experiment = make_boxes(tmp_path)
    network, batch = make_system(experiment).network.eval(), boxes(experiment, 3)
    pixels, voxels = (label(network, batch.inputs, None) for label in (label_pixels, label_voxels))
    assert int(pixels.min()) >= 1 and not bool(voxels[~batch.inputs.nonfree].any())
    refined = label_pixels(network, batch.inputs, batch.labels3d)
    assert refined.shape == pixels.shape and not torch.equal(refined, pixels)
    shuffled = batch._replace(frame=torch.tensor([2, 0, 1]))
    labels = collect([(shuffled, pixels)])
    labels.save(tmp_path / 'labels.npz')
    read = FixedLabels.load(tmp_path / 'labels.npz')
    assert torch.equal(read.of(torch.tensor([2, 1])), pixels[[0, 2]])
    with pytest.raises(DataError, match='--restart'):
        FixedLabels.load(tmp_path / 'gone.npz')


def test_pixels_are_counted_as_the_metrics_count_them() -> None:
    rng = np.random.default_rng(0)
    target, predicted = rng.integers(0, 6, (2, 3, 4, 4)).astype(np.uint8)
    counts, expected = PixelCounts(5), SegmentationCounts(5)
    counts.count(torch.from_numpy(predicted[:2]), torch.from_numpy(target[:2]))
    counts.count(torch.from_numpy(predicted[2:]), torch.from_numpy(target[2:]))
    for index in range(3):
        expected.add(index, predicted[index], target[index])
    found, wanted = counts.scores(lambda tensor: tensor), expected.scores()
    assert found.mean_iou == pytest.approx(wanted.mean_iou)
    assert found.pixel_accuracy == pytest.approx(wanted.pixel_accuracy)
    counts.reset()
    assert counts.scores(lambda tensor: tensor).pixel_accuracy == 0
