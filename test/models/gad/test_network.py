"""The network has the published shapes, sizes and paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import PRESETS, load_preset

FULL = load_preset('gad')


@pytest.fixture
def only_shapes() -> Iterator[None]:
    """Compute shapes and no numbers."""
    with FakeTensorMode():
        yield


def on_meta(config) -> GadNetwork:
    """Build a network without numbers."""
    with torch.device('meta'):
        return GadNetwork(config).eval()


def size(module: nn.Module | None) -> int:
    assert module is not None
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(('changes', 'parameters'), [
    ({}, 103_237_230),
    ({'encoder': 'fcrn'}, 103_237_294),
    ({'encoder': 'fcrn', 'keeps_unused_parameters': True}, 103_458_862),
    ({'encoder': 'fcrn', 'num_classes': 38}, 103_228_639),
    ({'encoder': 'fcrn', 'num_classes': 40}, 103_234_409),
    ({'num_classes': 38}, 103_228_575),
    ({'num_classes': 40}, 103_234_345),
])
def test_the_number_of_parameters_is_the_published_one(changes, parameters):
    assert size(on_meta(replace(FULL, **changes))) == parameters


def test_every_part_has_its_published_share():
    network = on_meta(replace(FULL, encoder='fcrn'))
    assert size(network.encoder) == 23_508_096
    assert size(network.neck) == 2_100_224
    assert size(network.depth_decoder) + size(network.depth_head) == 38_480_705
    assert size(network.semantic_decoder) + size(network.semantic_head) == 38_503_785
    assert size(network.propagation) == 8672
    assert size(network.pyramid) == 635_812


def test_the_release_has_670_entries():
    assert len(on_meta(load_preset('release')).state_dict()) == 670


@pytest.mark.usefixtures('only_shapes')
@pytest.mark.parametrize('encoder', ['torchvision', 'fcrn'])
@pytest.mark.parametrize(('image', 'levels'), [
    ((240, 320), ((8, 10), (15, 20), (30, 40), (60, 80))),
    ((228, 304), ((8, 10), (15, 19), (29, 38), (57, 76)))])
def test_all_maps_have_the_published_shapes(encoder, image, levels):
    network = GadNetwork(replace(FULL, encoder=encoder)).eval()
    images = torch.zeros(1, 3, *image)
    stem = network.encoder.conv1(images)
    rows, columns = (each // 2 + (encoder == 'fcrn') for each in image)
    assert stem.shape == (1, 64, rows, columns)
    maps = network.encoder(images)
    assert [each.shape[1:] for each in maps] == [
        *((channels, *each) for channels, each in zip(
            (256, 512, 1024, 2048), reversed(levels), strict=True)), (2048, 8, 10)]
    features = network.neck(maps[-1])
    assert features.shape == (1, 1024, 8, 10)
    decoded = network.depth_decoder(features)
    assert [each.shape[1:] for each in decoded.stages] == [
        (512, 16, 20), (256, 32, 40), (128, 64, 80), (64, 128, 160)]
    assert decoded.embedding.shape == (1, 64, 128, 160)
    output = network(images, all_heads=True)
    assert output.depth_m.shape == (1, 1, 128, 160)
    assert output.semantic_logits.shape == (1, 41, 128, 160)
    assert [each.shape for each in output.side_logits] == [(1, 41, *each) for each in levels]
    assert output.label_logits is output.side_logits[-1]


def test_rows_of_the_ablation_differ_by_one_part_each():
    rows = [load_preset(name) for name in (
        'semantic', 'depth', 'featprop', 'gap', 'gad')]
    switches = [
        (row.has_depth, row.propagates_features, row.gap, row.has_spf) for row in rows]
    assert switches == [
        (False, False, 'none', False), (True, False, 'none', False), (True, True, 'none', False),
        (True, True, 'affinity', False), (True, True, 'affinity', True)]
    assert load_preset('vanconv') == replace(load_preset('gap'), name='vanconv', gap='vanconv')
    assert load_preset('semantic-hha') == replace(
        load_preset('semantic'), name='semantic-hha', input_channels=6)


@pytest.mark.usefixtures('only_shapes')
@pytest.mark.parametrize('name', PRESETS)
def test_every_preset_trains_and_answers(name):
    config = load_preset(name)
    network = GadNetwork(config).eval()
    images = torch.zeros(2, config.input_channels, *config.network_size)
    answer, supervised = network(images), network.train()(images)
    assert answer.label_logits.shape == supervised.label_logits.shape
    assert len(answer.side_logits) == (1 if config.has_spf else 0)
    assert len(supervised.side_logits) == (4 if config.has_spf else 0)
    assert (answer.depth_m is not None) == config.has_depth


def test_the_small_network_is_small():
    assert size(on_meta(load_preset('small'))) < 5e6


def test_asking_for_all_heads_does_not_change_the_answer(build, images):
    network = build()
    with torch.inference_mode():
        first, second = network(images), network(images, all_heads=True)
    assert first.semantic_logits is None and second.semantic_logits is not None
    assert torch.equal(first.label_logits, second.label_logits)
    assert torch.equal(first.depth_m, second.depth_m)


def test_without_the_pyramid_the_head_behind_the_propagation_answers(build, images):
    output = build(has_spf=False)(images)
    assert output.label_logits is output.semantic_logits
    assert output.label_logits.shape[-2:] == (32, 48)


def test_feature_propagation_of_zeros_is_none(build, images):
    networks = [build(propagates_features=on, gap='none') for on in (True, False)]
    decoder = networks[0].depth_decoder
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
    networks[1].load_state_dict(networks[0].state_dict())
    first, second = (network(images).label_logits for network in networks)
    torch.testing.assert_close(first, second)


def test_depth_does_not_depend_on_the_semantic_decoder(build, images):
    network = build()
    before = network(images)
    with torch.no_grad():
        for parameter in network.semantic_decoder.parameters():
            parameter.mul_(2)
    after = network(images)
    assert torch.equal(before.depth_m, after.depth_m)
    assert not torch.allclose(before.label_logits, after.label_logits)


def test_the_depth_decoder_reaches_the_semantics_only_by_propagation(build, images):
    for changes, expected in (({'propagates_features': False, 'gap': 'none'}, False),
                              ({'gap': 'none'}, True), ({'propagates_features': False}, True)):
        network = build(**changes)
        network(images).label_logits.sum().backward()
        reached = any(each.grad is not None for each in network.depth_decoder.parameters())
        assert reached == expected


def test_logarithmic_depth_is_returned_in_metres(build, images):
    metric, logarithmic = build(depth_space='metric'), build(depth_space='log')
    torch.testing.assert_close(
        logarithmic(images).depth_m, metric(images).depth_m.exp())


class TestSamplesWithoutDepth:
    """Sec. 4.5: their depth branch is frozen and only runs forward."""

    def gradients(self, network, images, has_depth):
        network.zero_grad()
        output = network(images, has_depth=has_depth, all_heads=True)
        loss = sum(each.square().sum() for each in output.side_logits)
        depth = output.depth_m.square().sum(dim=(1, 2, 3))
        (loss + (depth * has_depth).sum()).backward()
        return {name: each.grad.clone() for name, each in network.named_parameters()
                if each.grad is not None}

    def test_answers_are_the_same(self, build, images):
        network = build()
        expected = network(images)
        found = network(images, has_depth=torch.tensor([False, True]))
        torch.testing.assert_close(found.label_logits, expected.label_logits)

    def test_they_teach_all_but_the_depth_branch(self, build, images):
        network = build()
        gradients = self.gradients(network, images, torch.tensor([False, False]))
        depth = [each for name, each in gradients.items() if name.startswith('depth_')]
        assert depth and not any(each.any() for each in depth)
        assert gradients['encoder.conv1.weight'].any()
        assert gradients['semantic_decoder.blocks.0.refine.weight'].any()
        assert gradients['propagation.key.0.weight'].any()

    def test_a_mixed_batch_is_the_sum_of_its_samples(self, build, images):
        network = build().double()
        images = images.double()
        mixed = self.gradients(network, images, torch.tensor([True, False]))
        first = self.gradients(network, images[:1], torch.tensor([True]))
        second = self.gradients(network, images[1:], torch.tensor([False]))
        for name, gradient in mixed.items():
            torch.testing.assert_close(gradient, first[name] + second[name], atol=1e-7, rtol=1e-6)

    def test_a_batch_without_depth_leaves_the_statistics_of_the_branch(self, build, images):
        network = build().train()
        decoder = network.depth_decoder
        before = {name: each.clone() for name, each in decoder.named_buffers()}
        network(images, has_depth=torch.tensor([False, False]))
        assert all(torch.equal(each, before[name]) for name, each in decoder.named_buffers())
        assert decoder.training and decoder.blocks[0].refine_norm.training
        network(images, has_depth=torch.tensor([False, True]))
        after = dict(decoder.named_buffers())
        assert not any(torch.equal(each, before[name]) for name, each in after.items())


@pytest.mark.parametrize('gap', ['affinity', 'local', 'vanconv'])
def test_gradients_of_a_single_sample_do_not_depend_on_the_memory_layout(build, images, gap):
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network = build(gap=gap).double().to(memory_format=layout)
        output = network(images[:1].double().contiguous(memory_format=layout))
        (output.label_logits.square().sum() + output.depth_m.square().sum()).backward()
        found.append({name: each.grad for name, each in network.named_parameters()
                      if each.grad is not None})
    torch.testing.assert_close(*found, atol=1e-7, rtol=1e-6)


def test_every_parameter_learns_at_one_rate(build):
    network = build()
    backbone, others = list(network.backbone_parameters()), list(network.other_parameters())
    assert {id(each) for each in backbone + others} == {id(each) for each in network.parameters()}
    assert len(backbone) + len(others) == len(list(network.parameters()))
    assert {id(each) for each in backbone} == {id(each) for each in network.encoder.parameters()}


def test_clipping_covers_the_semantic_side(build):
    network = build()
    clipped = {id(each) for each in network.semantic_parameters()}
    names = {
        name.split('.')[0] for name, each in network.named_parameters() if id(each) in clipped}
    assert names == {'semantic_decoder', 'propagation', 'semantic_head', 'pyramid'}
    assert {id(each) for each in network.pyramid.parameters()} <= clipped
