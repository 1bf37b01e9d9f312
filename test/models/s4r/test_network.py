"""Sizes on meta tensors, behaviour on small volumes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inputs import surface_band
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.presets import PRESETS, load_preset

SHAPE = (16, 8, 8)


def tiny(preset: str = 's4r', **changes) -> S4rConfig:
    return replace(load_preset(preset), channels=(4, 6, 8), chunk_shape=SHAPE, **changes)


def volume(batch: int = 1, shape: tuple[int, int, int] = SHAPE) -> torch.Tensor:
    return torch.cat([
        (3 * torch.randn(batch, 1, *shape)).clamp(-3, 3), torch.rand(batch, 3, *shape),
        torch.ones(batch, 1, *shape)], dim=1)


@pytest.mark.parametrize(('preset', 'changes', 'millions', 'giga_macs'), [
    ('s4r', {}, 10.918904, 46.68),
    ('scannet', {}, 10.918940, 46.70),
    ('no-color-decoder', {}, 9.133333, 35.27),
    ('color-blind', {}, 6.932005, 25.13),
    ('s4r', {'input_flags': False}, 10.916904, 45.63),
    ('wide', {'num_classes': 12}, 21.539569, 176.29),
])
def test_sizes_are_those_that_the_paper_implies(preset, changes, millions, giga_macs):
    config = replace(load_preset(preset), **changes)
    with torch.device('meta'):
        network = S4rNetwork(config).eval()
        chunk = torch.empty(1, 5, *config.chunk_shape)
    assert sum(each.numel() for each in network.parameters()) == round(millions * 1e6)
    with FlopCounterMode(display=False) as counter:
        network(chunk)
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga_macs, abs=0.02)


def test_the_parts_of_the_full_network_have_their_published_shapes_and_sizes():
    with torch.device('meta'):
        network = S4rNetwork(load_preset('s4r')).eval()
        levels = network.encoders['geometry'](torch.empty(1, 2, 128, 64, 64))
        output = network(torch.empty(2, 5, 128, 64, 64))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (8, 128, 64, 64), (16, 64, 32, 32), (32, 32, 16, 16), (64, 16, 8, 8), (128, 8, 4, 4)]
    assert network.fusion(torch.empty(1, 256, 8, 4, 4, device='meta')).shape == (1, 128, 8, 4, 4)
    assert [tuple(part.shape[:2]) for part in output] == [(2, 1), (2, 3), (2, 1), (2, 11)]
    assert {part.shape[2:] for part in output} == {(128, 64, 64)}

    def size(part: torch.nn.Module) -> int:
        return sum(each.numel() for each in part.parameters())
    assert [size(network.encoders[name]) for name in ('geometry', 'color')] == [
        1_878_304, 1_880_304]
    assert size(network.fusion) == 1_803_520


@pytest.mark.parametrize('preset', PRESETS)
def test_every_preset_predicts_what_it_has_decoders_for(preset):
    config = load_preset(preset)
    with torch.device('meta'):
        output = S4rNetwork(config).eval()(torch.empty(1, 5, *config.chunk_shape))
    has = {name: part is not None for name, part in output._asdict().items()}
    assert has == {
        'tsdf_voxels': 'geometry' in config.decoders,
        'occupancy_logits': 'geometry' in config.decoders and config.has_occupancy,
        'colors': 'color' in config.decoders, 'class_logits': 'semantics' in config.decoders}


@pytest.mark.parametrize('changes', [
    {}, {'preset': 'color-blind'}, {'preset': 'literal'}, {'color_space': 'lab'},
    {'norm_order': 'activation_first'}, {'zeroes_residuals': True}], ids=str)
def test_every_parameter_learns(changes):
    network = S4rNetwork(tiny(**changes)).train()
    if network.config.zeroes_residuals:
        # Behind a zero nothing learns in the first step, and everything in the second.
        for name, value in network.named_parameters():
            torch.nn.init.ones_(value) if name.endswith('second.1.weight') else None
    output = network(volume(2))
    sum(part.square().mean() for part in output if part is not None).backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0
               for value in network.parameters())


def test_residual_blocks_can_start_as_their_shortcuts():
    network = S4rNetwork(tiny(zeroes_residuals=True)).eval()
    block = network.fusion[1]
    features = torch.randn(1, 8, 4, 2, 2)
    torch.testing.assert_close(
        block(features), torch.nn.functional.leaky_relu(features, 0.2))


def test_evaluation_repeats_itself_and_takes_any_multiple_of_the_stride():
    network = S4rNetwork(tiny()).eval()
    chunk = volume(1, (8, 12, 20))
    with torch.inference_mode():
        first, second = network(chunk), network(chunk)
    assert first.tsdf_voxels.shape == (1, 1, 8, 12, 20)
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert 0 <= first.colors.min() <= first.colors.max() <= 1


@pytest.mark.parametrize('shape', [(1, 5, 16, 8, 6), (1, 4, 16, 8, 8), (5, 16, 8, 8)])
def test_volumes_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r'expected \(B, 5, Z, Y, X\).*divisible by 4'):
        S4rNetwork(tiny())(torch.zeros(shape))


def test_bounds_of_distances_and_colors_far_from_surfaces_tell_nothing():
    network = S4rNetwork(tiny()).eval()
    chunk = volume()
    chunk[:, 0, :8] = 3.0
    changed = chunk.clone()
    changed[:, 0, :8] = -3.0
    changed[:, 1:4, :8] = torch.rand(1, 3, 8, 8, 8)
    with torch.inference_mode():
        assert torch.equal(network(chunk).tsdf_voxels, network(changed).tsdf_voxels)
        # What was observed does tell.
        changed[:, 4, :8] = 0
        assert not torch.equal(network(chunk).tsdf_voxels, network(changed).tsdf_voxels)


def test_only_networks_with_a_color_encoder_see_colors():
    chunk = volume()
    chunk[:, 0] = 1
    recolored = chunk.clone()
    recolored[:, 1:4] = 1 - chunk[:, 1:4]
    for preset, sees in (('s4r', True), ('color-blind', False)):
        network = S4rNetwork(tiny(preset)).eval()
        with torch.inference_mode():
            same = torch.equal(network(chunk).class_logits, network(recolored).class_logits)
        assert same != sees


def test_flags_do_not_enter_the_literal_network():
    network = S4rNetwork(tiny('literal')).eval()
    chunk = volume()
    unflagged = chunk.clone()
    unflagged[:, 4] = 0
    with torch.inference_mode():
        assert torch.equal(network(chunk).tsdf_voxels, network(unflagged).tsdf_voxels)


def test_the_surface_band_asks_occupancy_where_there_is_one():
    network = S4rNetwork(tiny()).eval()
    with torch.inference_mode():
        output = network(volume())
    tsdf = torch.tensor([2.0, 2.0, 3.0]).view(1, 1, 1, 1, 3)
    occupancy = torch.tensor([1.0, -1.0, 1.0]).view(1, 1, 1, 1, 3)
    given = output._replace(tsdf_voxels=tsdf, occupancy_logits=occupancy)
    assert surface_band(given).flatten().tolist() == [True, False, False]
    bare = given._replace(occupancy_logits=None)
    assert surface_band(bare).flatten().tolist() == [True, True, False]
    with pytest.raises(ValueError, match='predicts no geometry'):
        surface_band(given._replace(tsdf_voxels=None))


def test_distances_are_added_to_measured_ones_where_asked():
    torch.manual_seed(0)
    plain, added = (S4rNetwork(tiny(adds_to_input=adds)).eval() for adds in (False, True))
    added.load_state_dict(plain.state_dict())
    chunk = volume()
    chunk[0, 0, 0] = -3
    with torch.no_grad():
        first, second = plain(chunk), added(chunk)
    measured = chunk[:, :1].where(chunk[:, :1].abs() < 2.99, 0)
    assert not measured[0, 0, 0].any() and measured.any()
    assert torch.allclose(second.tsdf_voxels, first.tsdf_voxels + measured)
    assert torch.equal(second.occupancy_logits, first.occupancy_logits)
