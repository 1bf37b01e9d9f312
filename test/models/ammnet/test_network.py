from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.augmentation import Augmentation3D
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.discriminator import Discriminator
from ssc_ros.models.ammnet.fusion import Addition, Modulation
from ssc_ros.models.ammnet.inputs import AmmnetInputs
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import PRESETS, load_preset
from ssc_ros.models.batches import collate, to_device

SIZE = (64, 96)


def tiny(preset: str, **changes) -> AmmnetConfig:
    """Return a narrow configuration on a small grid."""
    return replace(load_preset(preset), feature_channels=16, grid_shape=(12, 8, 12), **changes)


def inputs_of(config: AmmnetConfig, batch: int = 2) -> AmmnetInputs:
    pixels = SIZE[0] * SIZE[1]
    mapping = torch.full((batch, config.num_voxels), pixels)
    for sample in mapping:
        sample[torch.randperm(config.num_voxels)[:80]] = torch.randperm(pixels)[:80]
    labels = torch.randint(0, 14, (batch, *SIZE), dtype=torch.uint8)
    return AmmnetInputs(
        None if config.reads_label_maps else torch.randn(batch, 3, *SIZE),
        labels if config.reads_label_maps else None,
        torch.rand(batch, 1, *config.grid_shape) * 2 - 1, mapping)


@pytest.mark.parametrize('preset', PRESETS)
def test_every_preset_trains_one_step(preset):
    config = tiny(preset)
    network = AmmnetNetwork(config).train()
    output = network(inputs_of(config))
    assert output.ssc_logits.shape == (2, 12, *config.grid_shape)
    assert (output.augmentation is not None) == (config.augmentation_3d == 'feature')
    loss = output.ssc_logits.square().mean()
    if config.reads_label_maps:
        assert output.semantic2d_logits is None
    else:
        assert output.semantic2d_logits.shape == (2, 12, *SIZE)
        loss = loss + output.semantic2d_logits.square().mean()
    loss.backward()
    unread = {name for name, value in network.named_parameters()
              if value.requires_grad and value.grad is None}
    assert any('.pool_' in name for name in unread) == config.keeps_unused_parameters
    # A modulation whose gradient is that of an addition never learns.
    assert any('.fusions.' in name for name in unread) == (preset == 'm1-forward-only')
    assert all('.pool_' in name or '.fusions.' in name for name in unread)


def test_a_frozen_encoder_gets_no_gradient_and_keeps_its_statistics():
    network = AmmnetNetwork(tiny('resnet50')).train()
    before = network.image.encoder.stem[1].running_mean.clone()
    network(inputs_of(network.config)).ssc_logits.sum().backward()
    assert all(value.grad is None for value in network.image.encoder.parameters())
    assert torch.equal(network.image.encoder.stem[1].running_mean, before)
    assert network.image.head.norm.num_batches_tracked == 1


def test_drop_path_stays_on_in_a_frozen_encoder():
    network = AmmnetNetwork(tiny('ammnet', drop_path=0.9)).train()
    image = torch.randn(1, 3, *SIZE)
    first, second = (network.image.encoder(image)[-1] for _ in range(2))
    assert not torch.equal(first, second)


def test_evaluation_repeats_itself():
    network = AmmnetNetwork(tiny('ammnet')).eval()
    inputs = inputs_of(network.config)
    with torch.inference_mode():
        assert torch.equal(network(inputs).ssc_logits, network(inputs).ssc_logits)


@pytest.mark.parametrize('preset', ['ammnet', 'small'])
def test_scores_come_back_in_the_frame_of_the_inputs(preset):
    network = AmmnetNetwork(tiny(preset)).eval()
    seen = []
    network.decoder.register_forward_hook(lambda *call: seen.append(call[1:]))
    inputs, augmentation = inputs_of(network.config), Augmentation3D(True, False, True)
    with torch.inference_mode():
        network(inputs)
        output = network(inputs, augmentation)
    (plain, _), (augmented, scores) = seen
    for before, after in zip(plain, augmented, strict=True):
        assert torch.equal(augmentation.apply(before), after)
    assert torch.equal(augmentation.apply(output.ssc_logits), scores)
    assert output.augmentation == augmentation


@pytest.mark.parametrize('preset', ['cleaners', 'baseline-no-augmentation-3d'])
def test_draws_follow_the_configuration(preset):
    network = AmmnetNetwork(tiny(preset)).train()
    drawn = {network._draw() for _ in range(60)}
    assert drawn == {None} if preset.startswith('baseline') else (
        len(drawn) == 4 and not any(each.swaps for each in drawn))


@pytest.mark.parametrize(('preset', 'forward', 'gradient'), [
    ('m1', 'modulation', 'modulation'), ('m1-forward-only', 'modulation', 'addition'),
    ('m1-gradient-only', 'addition', 'modulation')])
def test_half_modulations_pass_one_way_and_learn_the_other(preset, forward, gradient):
    whole = Modulation(16, tiny('m1'))
    half = Modulation(16, tiny(preset))
    half.load_state_dict(whole.state_dict())

    def run(fusion):
        features, depth = (torch.linspace(-1, 1, 16 * 8).view(1, 16, 2, 2, 2).requires_grad_()
                           for _ in range(2))
        result = fusion(features, depth)
        result.square().sum().backward()
        return result, features.grad / (2 * result)

    result, slope = run(half)
    expected = {'modulation': run(whole), 'addition': run(Addition())}
    torch.testing.assert_close(result, expected[forward][0])
    torch.testing.assert_close(slope, expected[gradient][1])


def test_modulation_is_a_gain_of_one_to_two_and_a_shift():
    fusion = Modulation(16, tiny('m1'))
    features, depth = torch.randn(2, 1, 16, 2, 2, 2)
    gain = (fusion(features, depth) - fusion.shift(depth)) / features
    assert gain.min() > 1 and gain.max() < 2
    half = Modulation(16, tiny('m1', modulation_gain='sigmoid'))
    half.load_state_dict(fusion.state_dict())
    torch.testing.assert_close(half(features, depth), fusion(features, depth) - features)


def test_the_discriminator_judges_each_scene_and_learns():
    discriminator = Discriminator(replace(load_preset('small'), grid_shape=(12, 12, 12)))
    logits = discriminator(torch.randn(3, 12, 12, 12, 12))
    assert logits.shape == (3, 1)
    logits.sum().backward()
    assert all(value.grad is not None for value in discriminator.parameters())


def test_samples_of_a_batch_do_not_see_each_other():
    network = AmmnetNetwork(tiny('ammnet')).eval()
    samples = [inputs_of(network.config, 1) for _ in range(2)]
    with torch.inference_mode():
        together = network(to_device(collate(samples), 'cpu')).ssc_logits
        torch.testing.assert_close(
            together[1:], network(samples[1]).ssc_logits, atol=1e-5, rtol=1e-4)


def test_a_frame_that_sees_nothing_still_gets_an_answer():
    network = AmmnetNetwork(tiny('ammnet')).train()
    inputs = inputs_of(network.config)
    unseen = torch.full_like(inputs.pixel_of_voxel, SIZE[0] * SIZE[1])
    output = network(inputs._replace(pixel_of_voxel=unseen)).ssc_logits
    output.sum().backward()
    assert torch.isfinite(output).all()


def test_missing_pictures_are_named():
    image, labels = AmmnetNetwork(tiny('ammnet')), AmmnetNetwork(tiny('labels'))
    with pytest.raises(ConfigurationError, match='reads images'):
        image(inputs_of(labels.config))
    with pytest.raises(ConfigurationError, match='reads label maps'):
        labels(inputs_of(image.config))
