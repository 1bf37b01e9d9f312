"""Tests of the GAD system."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import WeightsError
from ssc_ros.metrics import SegmentationCounts
from ssc_ros.models.gad.inputs import predict
from training.cli.fit import _silence_known_warnings as silence_known_warnings
from training.cli.fit import make_trainer
from training.datasets.labelled import Draw
from training.datasets.segmentation.batches import SegmentationBatch, join
from training.datasets.segmentation.loading import SegmentationData
from training.experiment import Experiment
from training.options import GadOptimization
from training.systems.gad import DepthErrors, GadSystem, nearest_depth
from training.systems.pretrained import load_image_encoder
from training.systems.schedules import learning_rate_factor

MakeGad = Callable[..., Experiment]


def make_system(experiment: Experiment) -> GadSystem:
    torch.manual_seed(0)
    return GadSystem(experiment.to_dict(), total_steps=12)


def batch_of(experiment: Experiment) -> SegmentationBatch:
    dataset = SegmentationData(experiment)._datasets['train']
    return join([dataset[Draw(index, index)] for index in range(2)])


def test_every_loss_reaches_every_parameter(make_gad: MakeGad, tmp_path: Path) -> None:
    experiment = make_gad(tmp_path)
    system, batch = make_system(experiment), batch_of(experiment)
    terms = system.loss_terms(system(batch), batch)
    assert set(terms) == {'semantic', 'depth', 'side1', 'side2', 'side3', 'side4'}
    assert {weight for weight, _ in terms.values()} == {1.0}
    sum(weight * value for weight, value in terms.values()).backward()
    assert [name for name, each in system.network.named_parameters() if each.grad is None] == []


def test_rows_without_depth_or_pyramid_have_fewer_losses(
    make_gad: MakeGad, tmp_path: Path,
) -> None:
    rows = {'semantic': {'semantic'}, 'gap': {'semantic', 'depth'}}
    for preset, expected in rows.items():
        experiment = make_gad(tmp_path, network={'preset': preset, 'gap': {
            'semantic': 'none', 'gap': 'local'}[preset]})
        system, batch = make_system(experiment), batch_of(experiment)
        assert set(system.loss_terms(system(batch), batch)) == expected


def test_backbone_and_the_rest_learn_at_their_published_rates(
    make_gad: MakeGad, tmp_path: Path,
) -> None:
    system = make_system(make_gad(tmp_path, optimization={'learning_rate': 1e-2}))
    optimizers, _ = system.configure_optimizers()
    backbone, others = optimizers[0].param_groups
    assert (backbone['initial_lr'], others['initial_lr']) == (1e-5, 1e-2)
    groups = [*backbone['params'], *others['params']]
    assert len(groups) == len(set(map(id, groups))) == len(list(system.network.parameters()))
    assert {id(each) for each in backbone['params']} == {
        id(each) for each in system.network.encoder.parameters()}
    assert optimizers[0].defaults['betas'] == (0.9, 0.999)


@pytest.mark.parametrize(
    ('epoch', 'factor'), [(0, 1), (39, 1), (40, 0.1), (79, 0.1), (80, 0.01), (119, 0.01)])
def test_rates_fall_to_a_tenth_every_40_epochs(epoch: int, factor: float) -> None:
    progress = (epoch + 1e-6) / 120
    assert learning_rate_factor(progress, GadOptimization()) == pytest.approx(factor)


def test_only_the_semantic_part_is_clipped(make_gad: MakeGad, tmp_path: Path) -> None:
    system = make_system(make_gad(tmp_path))
    system.log = lambda *_, **__: None
    for each in system.network.parameters():
        each.grad = torch.ones_like(each)
    system.configure_gradient_clipping()
    clipped = {id(each) for each in system.network.semantic_parameters()}
    norm = sum(float((each.grad ** 2).sum()) for each in system.network.semantic_parameters())
    assert norm == pytest.approx(1, abs=1e-4)
    assert all((each.grad == 1).all() for each in system.network.parameters()
               if id(each) not in clipped)


def test_a_sample_without_depth_teaches_everything_but_the_depth_branch(
    make_gad: MakeGad, tmp_path: Path,
) -> None:
    experiment = make_gad(tmp_path, data={'depth_fraction': 0})
    system, batch = make_system(experiment), batch_of(experiment)
    assert not batch.has_depth.any()
    terms = system.loss_terms(system(batch), batch)
    assert terms['depth'][1].item() == 0
    sum(weight * value for weight, value in terms.values()).backward()
    for name, each in system.network.named_parameters():
        is_depth = name.startswith(('depth_decoder.', 'depth_head.'))
        is_taught = each.grad is not None and bool(each.grad.any())
        if is_depth:
            assert not is_taught, name
    assert system.network.encoder.conv1.weight.grad.any()
    assert system.network.semantic_head.weight.grad.any()


def test_native_losses_keep_every_sparse_depth_that_is_not_hidden() -> None:
    depth_m = torch.zeros(1, 6, 8)
    depth_m[0, 0, 0], depth_m[0, 1, 1], depth_m[0, 5, 7] = 3, 2, 4
    shrunk = nearest_depth(depth_m, (3, 4))
    assert shrunk[0, 0, 0] == 2
    assert shrunk[0, 2, 3] == 4
    assert int((shrunk > 0).sum()) == 2
    assert torch.equal(nearest_depth(depth_m, (6, 8)), depth_m)
    assert int((nearest_depth(depth_m, (12, 16)) > 0).sum()) == 12


def test_depth_errors_are_those_of_known_pixels() -> None:
    errors = DepthErrors()
    assert np.isnan(errors.rmse_m)
    errors.add(torch.tensor([[[1.0, 4.0, 9.0]]]), torch.tensor([[[2.0, 2.0, 0.0]]]))
    assert errors.count == 2
    assert errors.rmse_m == pytest.approx(2.5 ** 0.5)
    assert errors.relative_error == pytest.approx(0.75)


def test_pretrained_encoders_fill_the_backbone(make_gad: MakeGad, tmp_path: Path) -> None:
    network = make_system(make_gad(tmp_path)).network
    weights = {name: torch.full_like(tensor, 2)
               for name, tensor in network.encoder.state_dict().items()}
    stages = {f'stages.{index}.': f'layer{index + 1}.' for index in range(4)}
    for ours, theirs in stages.items():
        weights = {name.replace(ours, theirs): tensor for name, tensor in weights.items()}
    torch.save(weights, tmp_path / 'resnet50.pth')
    load_image_encoder(network, str(tmp_path / 'resnet50.pth'))
    assert (network.encoder.stages[3][2].bn3.bias == 2).all()
    torch.save({'conv1.weight': torch.ones(1)}, tmp_path / 'other.pth')
    with pytest.raises(WeightsError):
        load_image_encoder(network, str(tmp_path / 'other.pth'))


def test_validation_scores_are_those_of_the_counts(
    make_gad: MakeGad, tmp_path: Path,
) -> None:
    experiment = make_gad(tmp_path)
    system, data = make_system(experiment), SegmentationData(experiment)
    with warnings.catch_warnings():
        silence_known_warnings()
        trainer = make_trainer(experiment, 4, 4, None)
        trainer.validate(system, data, verbose=False)
    counts: SegmentationCounts = system.counts
    assert counts.frame_ids == ('0/0/0',)
    assert trainer.callback_metrics['val/mean_iou'] == pytest.approx(counts.scores().mean_iou)
    assert trainer.callback_metrics['val/depth_rmse_m'] == pytest.approx(
        system.depth_errors.rmse_m, rel=1e-5)


@pytest.mark.slow
def test_real_images_are_learned_by_heart(
    make_gad: MakeGad, shared_data: Path, tmp_path: Path,
) -> None:
    if not (shared_data / 'nyu' / 'Label40').is_dir():
        pytest.skip('no NYUv2 package')
    experiment = make_gad(
        tmp_path, network={'image_size': [96, 128], 'crop_size': None, 'encoder_divisor': 8,
                           'neck_channels': 64, 'decoder_channels': [48, 32, 24, 16]},
        data={'root': str(shared_data / 'nyu'), 'train_samples': 3, 'batch_size': 3,
              'flip_probability': 0, 'color_probability': 0},
        optimization={'learning_rate': 3e-3, 'backbone_learning_rate': 3e-3,
                      'gradient_clip': 10.0})
    system, data = make_system(experiment), SegmentationData(experiment)
    batch = join([data._datasets['train'][index] for index in range(3)])
    optimizer = system.configure_optimizers()[0][0]
    system.log = lambda *_, **__: None
    for step in range(160):
        if step == 110:
            for group in optimizer.param_groups:
                group['lr'] /= 6
        terms = system.loss_terms(system(batch), batch)
        optimizer.zero_grad()
        torch.stack([value for _, value in terms.values()]).sum().backward()
        system.configure_gradient_clipping()
        optimizer.step()
    counts, errors = SegmentationCounts(40), DepthErrors()
    with torch.no_grad():
        prediction = predict(system(batch), (96, 128), experiment.network)
    for index in range(3):
        counts.add(index, prediction.labels[index], batch.labels[index])
    errors.add(prediction.depth_m, batch.depth_m)
    assert counts.scores().pixel_accuracy > 0.88
    assert errors.rmse_m < 0.35
