"""Tests of the whole network."""

from __future__ import annotations

import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.config import ImenetConfig

WITHOUT_REFINERS = {'has_dcp2d': False, 'has_dda': False}
GIVEN_PIXELS = {'image_network': 'none', 'has_dcp2d': False, 'iterations': 1}
GIVEN_VOXELS = {'voxel_network': 'none', 'has_dda': False, 'iterations': 1}
SKETCH = {'voxel_network': 'sketch', 'sketch_encoder': 'lite0', 'sketch_samples': 2}


@pytest.fixture
def run(build, frame):
    """Return a maker and runner of networks that differ as told."""
    def run_network(count=None, inputs=None, **changes):
        network = build(**changes)
        with torch.inference_mode():
            return network.run(inputs or frame(network.config), count)
    return run_network


def test_every_iteration_is_kept(run, tiny: ImenetConfig) -> None:
    output = run(3)
    assert len(output.iterations) == 4
    for each in output.iterations:
        assert each.f2d.shape == (2, 12, *tiny.work_size)
        assert each.f3d.shape == (2, 12, *tiny.grid_shape)
        assert (each.labels2d.shape, each.labels2d.dtype) == ((2, *tiny.work_size), torch.uint8)
        assert (each.labels3d.shape, each.labels3d.dtype) == ((2, *tiny.grid_shape), torch.uint8)
    assert output.final is output.iterations[3]
    assert output.iterations[0].f2d is output.coarse.f2d


def test_more_iterations_begin_with_the_fewer_ones(run) -> None:
    most = run(3)
    for count in range(4):
        for found, expected in zip(run(count).iterations, most.iterations, strict=False):
            assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_iterations_are_as_many_as_configured(run) -> None:
    assert len(run().iterations) == 4
    assert len(run(**GIVEN_PIXELS).iterations) == 2


@pytest.mark.parametrize('changes', [
    {}, SKETCH, {'voxel_network': 'sscnet', 'tsdf_subdivision': 4},
    {'attn_mode': 'global', 'attn_scale': 'none', 'attn_gamma': 'one', 'proj_lookup': 'exact',
     'dcp_input': 'label', 'dcp3d_grid': 'full'}, {'proj_vote': 'maxindex'},
    {'attn_mode': 'danet'}, {'deform_impl': 'plain'}], ids=str)
def test_the_loop_is_deterministic(run, changes) -> None:
    first, second = run(3, **changes), run(3, **changes)
    for found, expected in zip(first.iterations, second.iterations, strict=True):
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_refiners_change_their_own_branch(run) -> None:
    for changes, expected in (
            ({}, (True, True)), ({'has_dda': False}, (True, False)),
            ({'has_dcp2d': False}, (False, True)), (WITHOUT_REFINERS, (False, False))):
        coarse, *_, last = run(2, **changes).iterations
        assert (not torch.equal(last.f2d, coarse.f2d),
                not torch.equal(last.f3d, coarse.f3d)) == expected


def test_pixels_are_never_unlabelled_and_free_space_is_empty(run, frame, tiny) -> None:
    inputs = frame(tiny)
    for each in run(2, inputs).iterations:
        assert each.labels2d.min() > 0
        assert not each.labels3d[~inputs.nonfree].any()
        assert each.labels3d[inputs.nonfree].any()


def test_true_pixels_reach_the_voxels(run, frame, tiny) -> None:
    inputs = frame(tiny)
    other = inputs._replace(pixel_labels=inputs.pixel_labels.flip(-1))
    first, second = run(1, inputs, **GIVEN_PIXELS).final, run(1, other, **GIVEN_PIXELS).final
    assert first.f2d is None
    assert torch.equal(first.labels2d, inputs.pixel_labels)
    assert not torch.equal(first.f3d, second.f3d)


def test_true_voxels_reach_the_pixels(run, frame, tiny) -> None:
    inputs = frame(tiny)
    other = inputs._replace(voxel_labels=inputs.voxel_labels.flip(-1))
    first, second = run(1, inputs, **GIVEN_VOXELS).final, run(1, other, **GIVEN_VOXELS).final
    assert first.f3d is None
    assert torch.equal(first.labels3d, inputs.voxel_labels)
    assert not torch.equal(first.f2d, second.f2d)


def test_voxels_do_not_reach_the_coarse_scores_of_pixels(run, frame, tiny) -> None:
    inputs = frame(tiny)
    other = inputs._replace(tsdf=-inputs.tsdf)
    first, second = run(1, inputs), run(1, other)
    assert torch.equal(first.coarse.f2d, second.coarse.f2d)
    assert not torch.equal(first.final.f2d, second.final.f2d)


def test_a_label_map_can_take_the_place_of_an_image_network(run) -> None:
    assert run(1, image_network='labels').final.f2d.shape == (2, 12, 64, 96)


@pytest.mark.parametrize(('field', 'changes'), [
    ('image', {}), ('tsdf', {}), ('ray_voxels', {}), ('full_image', SKETCH),
    ('pixel_of_voxel', SKETCH), ('label_map', {'image_network': 'labels'})])
def test_a_missing_input_is_named(run, frame, tiny, field, changes) -> None:
    inputs = frame(tiny)._replace(**{field: None})
    with pytest.raises(ConfigurationError, match=f"reads '{field}'"):
        run(1, inputs, **changes)


def test_the_sketch_is_trained_with_the_truth_and_answers_without_it(build, frame) -> None:
    network = build(**SKETCH)
    inputs = frame(network.config)
    assert network.coarse(inputs).sketch.posterior_logits is None
    assert network.train().coarse(inputs).sketch.posterior_logits is not None
    network.voxel.eval()
    assert network.coarse(inputs).sketch.posterior_logits is None


def test_gradients_stay_in_their_branch(build, frame) -> None:
    network = build()
    inputs = frame(network.config)
    coarse = network.coarse(inputs)
    labels2d = network.run(inputs, 0).final.labels2d
    network.step3d(coarse.f3d, labels2d, inputs).sum().backward()
    assert all(each.grad is None for each in network.image.parameters())
    assert all(each.grad is None for each in network.refine2d.parameters())
    assert any(each.grad is not None for each in network.voxel.parameters())
    assert any(each.grad is not None for each in network.refine3d.parameters())
