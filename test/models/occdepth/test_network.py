from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.batches import collate
from ssc_ros.models.occdepth.inputs import mirrored
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.presets import load_preset

# Preset -> parameters of the whole, encoder, decoder, 3D network, its context prior, its head
# and the depth network, as counted on the official modules.
PARAMETERS = {
    'k3': (40_859_886, 10_696_232, 24_813_712, 4_363_214, 3_973_568, 59_198, 986_728),
    'k7': (150_581_846, 63_786_960, 68_882_640, 16_888_654, 15_358_848, 214_062, 1_023_592),
    'n4': (56_421_100, 17_548_616, 33_876_972, 4_995_512, 0, 1_923_712, 0),
    'n7': (298_347_156, 63_786_960, 69_220_600, 165_339_596, 145_443_584, 7_627_412, 0),
}


def _count(module: nn.Module | None) -> int:
    return 0 if module is None else sum(value.numel() for value in module.parameters())


def _images(config, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, config.views, 3, *config.image_size)


@pytest.fixture
def network(tiny) -> OccDepthNetwork:
    torch.manual_seed(0)
    return OccDepthNetwork(tiny).eval()


@pytest.mark.parametrize('preset', PARAMETERS)
def test_parameter_counts_equal_the_official_ones(preset):
    with torch.device('meta'):
        network = OccDepthNetwork(load_preset(preset))
    completion = network.completion
    assert PARAMETERS[preset] == tuple(map(_count, (
        network, network.encoder, network.decoder, completion, completion.context_prior,
        completion.head, network.depth_network)))


@pytest.mark.parametrize('changes', [
    {}, {'fusion': 'mean'}, {'fusion': 'concat'}, {'depth_prior': False}, {'views': 1},
    {'views': 1, 'virtual_baseline_m': 0.1}, {'cascade_head': False}, {'occlusion_head': True},
    {'context_prior': True, 'grid_shape': (16, 8, 16)}, {'gather': 'nearest'},
    {'depth_bins': 'sid'}, {'depth_bins': 'uniform'}, {'head_trunk': 'aspp'},
    {'share_2d_backbone_gradient': True, 'joint_view_statistics': False},
    {'project_scale': 2, 'final_upsampling': True, 'grid_shape': (16, 8, 16)},
])
def test_every_switch_trains_one_step(tiny, make_inputs, changes):
    config = replace(tiny, **changes)
    network = OccDepthNetwork(config)
    output = network(_images(config, 2), collate([make_inputs(config)] * 2))
    assert output.ssc_logits.shape == (2, 12, *config.grid_shape)
    assert (output.occ_logits is not None) == config.cascade_head
    assert (output.depth_logits is not None) == config.depth_prior
    assert (output.relation_logits is not None) == config.context_prior
    assert (output.occlusion_logits is not None) == config.occlusion_head
    sum(part.sum() for part in output if part is not None).backward()
    assert all(torch.isfinite(value.grad).all() for value in network.parameters()
               if value.grad is not None)


def test_every_parameter_of_the_small_network_learns(tiny, make_inputs):
    network = OccDepthNetwork(tiny)
    output = network(_images(tiny), make_inputs(tiny))
    (output.ssc_logits.square().mean() + output.depth_logits.square().mean()).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


def test_depth_logits_cover_every_image_at_an_eighth(network, tiny, make_inputs):
    output = network(_images(tiny, 1), make_inputs(tiny))
    assert output.depth_logits.shape == (1, 2, 8, 6, 8)


def test_swapping_the_cameras_with_their_calibration_changes_nothing(network, tiny, make_inputs):
    images, inputs = _images(tiny), make_inputs(tiny)
    swapped = inputs._replace(
        pixels=inputs.pixels.flip(1), in_view=inputs.in_view.flip(1),
        depth_grid=inputs.depth_grid.flip(1), pixel_size=inputs.pixel_size.flip(1))
    with torch.inference_mode():
        torch.testing.assert_close(
            network(images, inputs).ssc_logits, network(images.flip(1), swapped).ssc_logits,
            atol=1e-4, rtol=1e-4)


def test_identical_views_equal_the_network_of_one_view(network, tiny, make_inputs):
    mono = OccDepthNetwork(replace(tiny, views=1)).eval()
    mono.load_state_dict(network.state_dict())
    image = _images(tiny)[:, :1]
    both = make_inputs(tiny, baseline_m=0.0)
    one = both._replace(
        pixels=both.pixels[:, :1], in_view=both.in_view[:, :1],
        depth_grid=both.depth_grid[:, :1], pixel_size=both.pixel_size[:, :1])
    with torch.inference_mode():
        images = image.expand(-1, 2, -1, -1, -1)
        stereo = network.lift(network.image_features(images), images, both)[0]
        single = mono.lift(mono.image_features(image), image, one)[0]
    # The mean of two views divides by their coverage at the border, one view does not.
    inside = (both.depth_grid[:, 0].abs() < 0.8).all(-1)[:, None].expand_as(single)
    assert inside.any()
    torch.testing.assert_close(stereo[inside], single[inside], atol=1e-4, rtol=1e-4)


def test_equal_depth_logits_scale_the_volume_by_gain_over_bins(tiny, make_inputs):
    config = replace(tiny, prior_gain=100.0)
    network = OccDepthNetwork(config).eval()
    nn.init.zeros_(network.depth_network.predict.weight)
    nn.init.zeros_(network.depth_network.predict.bias)
    inputs, images = make_inputs(config), _images(config)
    with torch.inference_mode():
        pyramid = network.image_features(images)
        weighted = network.lift(pyramid, images, inputs)[0]
        plain = network.lifting(pyramid, inputs.pixels, inputs.in_view, config.lifted_shape)
    nonzero = weighted != 0
    assert 0.1 < nonzero.float().mean() < 1
    torch.testing.assert_close(weighted[nonzero], 100 / 8 * plain[nonzero])


def test_mirrored_images_with_mirrored_tables_lift_the_same_volume(tiny, make_inputs):
    config = replace(tiny, gather='nearest', depth_prior=False)
    network = OccDepthNetwork(config).eval()
    inputs, (height, width) = make_inputs(config), config.image_size
    features = {scale: torch.randn(1, 2, 8, height // scale, width // scale)
                for scale in (1, 2, 4, 8)}
    turned = {scale: maps.flip(-1) for scale, maps in features.items()}
    images = _images(config)
    torch.testing.assert_close(
        network.lift(features, images, inputs)[0],
        network.lift(turned, images.flip(-1), mirrored(inputs, width))[0])


def test_a_network_that_matches_both_eyes_teaches_its_depth_from_their_agreement(
        tiny, make_inputs):
    config = replace(tiny, depth_matching=True)
    network = OccDepthNetwork(config).eval()
    inputs, images = make_inputs(config), _images(config)
    shifted = torch.stack([images[:, 0], images[:, 0].roll(-4, dims=-1)], dim=1)
    with torch.inference_mode():
        apart = network(images, inputs).depth_logits
        agreeing = network(shifted, inputs).depth_logits
    assert (apart[:, 0] - agreeing[:, 0]).abs().max() > 1e-3


def test_depth_matching_without_its_calibration_is_refused(tiny, make_inputs):
    config = replace(tiny, depth_matching=True)
    inputs = make_inputs(config)._replace(epipolar=None)
    with pytest.raises(ConfigurationError, match='depth matching needs epipolar'):
        OccDepthNetwork(config)(_images(config), inputs)


def test_samples_of_a_batch_do_not_see_each_other(network, tiny, make_inputs):
    level, pitched = make_inputs(tiny, pitch_rad=0.0), make_inputs(tiny, pitch_rad=0.3)
    images = _images(tiny, 2)
    with torch.inference_mode():
        batch = network(images, collate([level, pitched])).ssc_logits
        alone = network(images[1:], pitched).ssc_logits
    torch.testing.assert_close(batch[1:], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('fusion', ['sfa', 'concat'])
@pytest.mark.parametrize('gather', ['nearest', 'bilinear'])
def test_a_camera_that_sees_no_voxel_still_gets_an_answer(tiny, make_inputs, fusion, gather):
    config = replace(tiny, fusion=fusion, gather=gather)
    network, inputs = OccDepthNetwork(config), make_inputs(config)
    blind = inputs._replace(in_view=torch.zeros_like(inputs.in_view))
    output = network(_images(config), blind)
    output.ssc_logits.sum().backward()
    assert torch.isfinite(output.ssc_logits).all()


@pytest.mark.parametrize('changes', [{}, {'views': 1, 'virtual_baseline_m': 0.1}])
def test_the_forward_pass_exports_to_one_static_graph(tiny, make_inputs, changes):
    config = replace(tiny, **changes)
    network, images, inputs = OccDepthNetwork(config).eval(), _images(config), make_inputs(config)
    with torch.no_grad():
        exported = torch.export.export(network, (images, inputs)).module()
        found, expected = exported(images, inputs), network(images, inputs)
    torch.testing.assert_close(found.ssc_logits, expected.ssc_logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('shares', [False, True])
def test_right_views_can_be_left_without_gradient(tiny, shares):
    config = replace(tiny, share_2d_backbone_gradient=shares, joint_view_statistics=False)
    network = OccDepthNetwork(config).train()
    images = _images(config).requires_grad_()
    features = network.image_features(images)[1]
    features.square().sum().backward()
    assert (images.grad[:, 0] != 0).any()
    assert bool((images.grad[:, 1] != 0).any()) is not shares


def test_views_keep_their_own_batch_statistics_unless_joined(tiny):
    config = replace(tiny, joint_view_statistics=False)
    network = OccDepthNetwork(config).train()
    network.image_features(_images(config))
    assert network.encoder.stem[1].num_batches_tracked == 2


def test_autocast_and_single_precision_agree(network, tiny, make_inputs):
    images, inputs = _images(tiny), make_inputs(tiny)
    with torch.inference_mode():
        exact = network(images, inputs).ssc_logits
        with torch.autocast('cpu', torch.bfloat16):
            half = network(images, inputs).ssc_logits
    assert (half.float() - exact).abs().mean() < 0.1 * exact.std()


def test_wrong_inputs_are_refused_by_name(network, tiny, make_inputs):
    inputs = make_inputs(tiny)
    with pytest.raises(ConfigurationError, match='1 views given'):
        network(_images(tiny)[:, :1], inputs)
    with pytest.raises(ConfigurationError, match='depth_grid'):
        network(_images(tiny), inputs._replace(depth_grid=None))
    virtual = replace(tiny, views=1, virtual_baseline_m=0.1)
    with pytest.raises(ConfigurationError, match='depth_m'):
        OccDepthNetwork(virtual)(_images(virtual), make_inputs(virtual)._replace(depth_m=None))
