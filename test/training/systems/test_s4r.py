"""Tests of the S4R system: what each variant learns from, and where gradients go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.batches import collate
from ssc_ros.models.s4r.inputs import S4rOutput
from training.datasets.chunks import ChunkBatch, ChunkData
from training.datasets.labelled import Draw
from training.losses.s4r_volume import class_weights
from training.systems.s4r import S4rSystem

STEPS = 100
VOLUME = {'distance', 'occupancy'}
VIEWS = VOLUME | {'depth', 'color', 'labels'}


@pytest.fixture
def make(make_s4r, tmp_path: Path):
    """Return the maker of a system and a batch of two chunks."""
    def make_pair(**sections) -> tuple[S4rSystem, ChunkBatch]:
        torch.manual_seed(0)
        experiment = make_s4r(tmp_path, **sections)
        system = S4rSystem(experiment.to_dict(), STEPS)
        dataset = ChunkData(experiment).loader('train', [], 1).dataset
        return system, collate([dataset[Draw(3, 1)], dataset[Draw(4, 2)]])
    return make_pair


def truth_as_output(batch: ChunkBatch) -> S4rOutput:
    """Return what a network would say that knew everything, with gradients."""
    labels = batch.labels.long()
    classes = torch.nn.functional.one_hot(labels.where(labels < 11, 9), 11).movedim(-1, 1)
    parts = (batch.complete[:, None], batch.colors.float() / 255,
             torch.where(batch.complete[:, None].abs() < 3, 5.0, -5.0), 8.0 * classes)
    return S4rOutput._make(part.clone().requires_grad_() for part in parts)


def names_at(system: S4rSystem, batch: ChunkBatch, step: int) -> set[str]:
    return set(system.loss_values(truth_as_output(batch), batch, step))


def test_views_come_after_distances_and_virtual_ones_after_real_ones(make) -> None:
    system, batch = make()
    assert names_at(system, batch, 29) == VOLUME
    assert names_at(system, batch, 30) == VIEWS
    assert names_at(system, batch, 60) == VIEWS | {'virtual_labels'}


def test_without_virtual_views_there_are_none(make) -> None:
    system, batch = make(data={'virtual_views': 0})
    assert names_at(system, batch, 99) == VIEWS


def test_the_supervised_twin_never_renders(make, monkeypatch: pytest.MonkeyPatch) -> None:
    system, batch = make(losses={'supervision': 'voxels'})
    monkeypatch.setattr('training.systems.s4r.raycast', None)
    assert not batch.has_view.numel()
    assert names_at(system, batch, 99) == VOLUME | {'voxel_labels', 'voxel_colors'}


def test_depth_alone_learns_classes_from_real_views(make) -> None:
    system, batch = make(network={'preset': 'small-color-blind', 'voxel_size_m': 0.08,
                                  'chunk_shape': [32, 16, 16], 'channels': [4, 8, 16]})
    output = truth_as_output(batch)._replace(colors=None)
    assert set(system.loss_values(output, batch, 99)) == VOLUME | {'depth', 'labels'}
    assert output.class_logits is not None
    with torch.no_grad():
        recoloured = batch.inputs.clone()
        recoloured[:, 1:4] = 1 - recoloured[:, 1:4]
        network = system.network.eval()
        assert torch.equal(network(batch.inputs).class_logits, network(recoloured).class_logits)


def test_a_network_of_classes_alone_is_shown_what_was_measured(make) -> None:
    system, batch = make(network={'preset': 'small-single-task', 'voxel_size_m': 0.08,
                                  'chunk_shape': [32, 16, 16], 'channels': [4, 8, 16]},
                         losses={'band_voxels': 3.0})
    values = system.loss_values(system(batch.inputs), batch, 99)
    assert set(values) == {'labels'}
    values['labels'].backward()
    decoder = system.network.decoders['semantics']
    assert all(each.grad is not None for each in decoder.parameters())


def test_the_truth_is_better_than_its_mirror_image_in_every_loss(make) -> None:
    system, batch = make()
    right = truth_as_output(batch)
    wrong = S4rOutput._make(part.detach().flip(-1).requires_grad_() for part in right)
    for name in ('distance', 'occupancy', 'depth', 'color', 'labels'):
        found, other = (float(system.loss_values(output, batch, 40)[name].detach())
                        for output in (right, wrong))
        assert found < other, name
    assert float(system.loss_values(right, batch, 40)['distance'].detach()) < 1e-6


def test_real_views_move_surfaces_colours_and_classes(make) -> None:
    system, batch = make()
    output = truth_as_output(batch)
    values = system.view_values(output, batch)
    torch.stack(list(values.values())).sum().backward()
    for name in ('tsdf_voxels', 'colors', 'class_logits'):
        assert getattr(output, name).grad.abs().sum() > 0, name


def test_virtual_views_move_classes_alone(make) -> None:
    """What a segmenter says of a rendered image is a target: nothing flows into the colours."""
    system, batch = make()
    output = truth_as_output(batch)
    values = system.virtual_values(output, batch, np.random.default_rng(1))
    values['virtual_labels'].backward()
    assert output.class_logits is not None
    assert output.class_logits.grad.abs().sum() > 0
    for part in (output.tsdf_voxels, output.colors):
        assert part.grad is None or not part.grad.any()


def test_virtual_views_know_the_classes_of_painted_rooms(make) -> None:
    system, batch = make()
    right = truth_as_output(batch)
    wrong = right._replace(class_logits=right.class_logits.detach().roll(1, dims=1))
    values = [float(system.virtual_values(output, batch, np.random.default_rng(1))[
        'virtual_labels'].detach()) for output in (right, wrong)]
    assert values[0] < 0.6 * values[1]


def test_what_a_virtual_view_misses_has_no_label(make) -> None:
    system, _ = make()
    rgb, hit = torch.rand(1, 3, 24, 32), torch.zeros(1, 24, 32, dtype=torch.bool)
    hit[:, :, :10] = True
    labels = system._virtual.labels_of(rgb, hit)
    assert (labels[~hit] == 255).all() and (labels[hit] != 255).any()


def test_a_network_that_predicts_nothing_has_no_virtual_view(make) -> None:
    system, batch = make()
    output = truth_as_output(batch)
    empty = output._replace(tsdf_voxels=torch.full_like(output.tsdf_voxels, 3.0))
    assert system.virtual_values(empty, batch, np.random.default_rng(0)) == {}


def test_a_batch_without_views_still_teaches_distances(make) -> None:
    system, batch = make(data={'virtual_views': 0})
    blind = batch._replace(has_view=torch.zeros_like(batch.has_view))
    assert names_at(system, blind, 99) == VOLUME


def test_colours_are_compared_in_the_space_of_the_network(make) -> None:
    system, batch = make(network={'color_space': 'lab'})
    assert not torch.equal(system._colors(batch.colors), batch.colors / 255)
    same = truth_as_output(batch)._replace(colors=system._colors(batch.colors).requires_grad_())
    other = truth_as_output(batch)
    values = [float(system.view_values(output, batch)['color'].detach())
              for output in (same, other)]
    assert values[0] < 0.5 * values[1]


def test_rare_classes_weigh_more(make) -> None:
    system, _ = make(losses={'supervision': 'voxels'})
    frequencies = torch.linspace(0, 0.3, 11)
    system.trainer = type('Trainer', (), {'datamodule': type('Data', (), {
        'class_frequencies': lambda self: frequencies})()})()
    system.on_fit_start()
    torch.testing.assert_close(system.voxel_weights, class_weights(frequencies))
    assert (system.voxel_weights.diff() < 0).all()


def test_class_weights_must_be_as_many_as_classes(make) -> None:
    with pytest.raises(ConfigurationError, match='2 class weights for 11 classes'):
        make(losses={'class_weights': [1, 2]})


def test_validation_scores_the_truth_as_right(make, monkeypatch: pytest.MonkeyPatch) -> None:
    system, batch = make()
    monkeypatch.setattr(system.network, 'forward', lambda volume: truth_as_output(batch))
    logged: dict[str, float] = {}
    monkeypatch.setattr(system, 'log_dict', logged.update)
    system.on_validation_epoch_start()
    system.validation_step(batch, 0)
    system.on_validation_epoch_end()
    assert logged['val/geometry_iou'] == logged['val/geometry_recall'] == 1
    assert logged['val/mean_iou'] == logged['val/strict_mean_iou'] == 1


@pytest.mark.parametrize('supervision', ['views', 'voxels'])
def test_some_steps_lower_the_losses(make, supervision: str) -> None:
    system, batch = make(losses={'supervision': supervision}, data={'virtual_views': 0})
    optimizer = torch.optim.Adam(system.parameters(), lr=5e-3)
    totals = []
    for _ in range(12):
        values = system.loss_values(system(batch.inputs), batch, 99)
        total = torch.stack([values[name] for name in sorted(VOLUME)]).sum() + values.get(
            'voxel_labels', torch.zeros(()))
        optimizer.zero_grad()
        torch.stack(list(values.values())).sum().backward()
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.6 * totals[0]
