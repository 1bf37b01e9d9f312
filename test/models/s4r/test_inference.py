from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ssc_ros.models.s4r.color import lab_to_rgb
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inference import complete_volume, optimized
from ssc_ros.models.s4r.inputs import CompletedVolume, S4rOutput
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.presets import load_preset
from ssc_ros.models.s4r.windows import Windowing

CONFIG = replace(load_preset('s4r'), channels=(4, 6, 8), chunk_shape=(16, 8, 8))
SCENES = [(16, 8, 8), (12, 21, 10), (20, 8, 23), (16, 5, 30)]


def scan(shape: tuple[int, int, int], *, surface: int = 5) -> Tensor:
    """Return (5, Z, Y, X): noise about a level surface, random colours, some voxels unobserved."""
    z = torch.arange(shape[0], dtype=torch.float32).view(-1, 1, 1)
    tsdf = (z - surface + 0.3 * torch.randn(shape)).clamp(-3, 3)
    observed = torch.rand(shape) > 0.2
    return torch.cat([
        tsdf.where(observed, -3)[None], torch.rand(3, *shape), observed[None].float()])


def logits_of(volume: Tensor) -> Tensor:
    """Return (11, Z, Y, X) scores that follow from the red of (5, Z, Y, X)."""
    return torch.stack([-(volume[1] * 11 - index).abs() for index in range(11)])


def identity(chunks: Tensor) -> S4rOutput:
    """Predict what was put in, and of each voxel a class that follows from its colour."""
    tsdf = chunks[:, :1]
    occupancy = torch.where(tsdf.abs() < 3, 9.0, -9.0)
    return S4rOutput(
        tsdf, chunks[:, 1:4], occupancy, torch.stack([logits_of(chunk) for chunk in chunks]))


def completed(volume: Tensor, **windowing) -> CompletedVolume:
    return complete_volume(volume, identity, CONFIG, Windowing(**windowing))


@pytest.mark.parametrize('blend', ['tent', 'rim'])
@pytest.mark.parametrize('shape', SCENES)
@pytest.mark.parametrize('stride', [0, 2])
def test_a_network_that_returns_its_input_reproduces_the_scene_exactly(blend, shape, stride):
    volume = scan(shape)
    answer = completed(volume, blend=blend, stride=stride, batch=3)
    height = min(shape[0], 16)
    assert answer.covered[:height].all()
    assert np.array_equal(answer.tsdf_voxels[:height], volume[0, :height])
    assert np.array_equal(answer.near_surface[:height], volume[0, :height].abs() < 3)
    assert np.array_equal(
        answer.rgb[:height], (volume[1:4, :height] * 255).round().byte().permute(1, 2, 3, 0))
    scores, labels = logits_of(volume[:, :height]).softmax(dim=0).max(dim=0)
    assert np.array_equal(answer.labels[:height], labels)
    np.testing.assert_allclose(answer.confidence[:height], scores, atol=1e-6)


def test_above_a_chunk_nothing_is_predicted():
    answer = completed(scan((20, 8, 8)))
    assert not answer.covered[16:].any()
    assert (answer.tsdf_voxels[16:] == -np.inf).all()
    assert (answer.labels[16:] == 255).all()
    assert not answer.near_surface[16:].any()
    assert not answer.rgb[16:].any()
    assert not answer.confidence[16:].any()


@pytest.mark.parametrize('blend', ['tent', 'rim'])
def test_windows_without_a_surface_are_left_alone(blend):
    volume = scan((16, 8, 40))
    volume[0, :, :, 8:32] = -3
    seen = []

    def predict(chunks: Tensor) -> S4rOutput:
        seen.append(len(chunks))
        return identity(chunks)

    answer = complete_volume(volume, predict, CONFIG, Windowing(blend=blend))
    # Starts 0, 4, ... 32; 8 to 24 see nothing.
    assert sum(seen) == 4
    assert not answer.covered[..., 14:26].any()
    assert answer.covered[..., :8].all()
    assert answer.covered[..., 32:].all()


def test_an_empty_scene_is_answered_without_the_network():
    volume = torch.zeros(5, 16, 8, 20)
    volume[0] = -3

    def predict(chunks: Tensor) -> S4rOutput:
        raise AssertionError('asked')

    assert not complete_volume(volume, predict, CONFIG).covered.any()


def test_batches_change_nothing_and_hold_no_more_windows_than_asked_for():
    volume = scan((16, 30, 20))
    sizes = []

    def predict(chunks: Tensor) -> S4rOutput:
        sizes.append(len(chunks))
        return identity(chunks)

    whole = complete_volume(volume, predict, CONFIG, Windowing(batch=4))
    assert max(sizes) == 4
    assert np.array_equal(whole.tsdf_voxels, completed(volume).tsdf_voxels)


def test_contradicting_windows_are_blended_without_a_step():
    volume = scan((16, 8, 12))
    volume[0] = 1.0
    calls = iter([0.0, 1.0])

    def predict(chunks: Tensor) -> S4rOutput:
        output = identity(chunks)
        return output._replace(tsdf_voxels=torch.full_like(output.tsdf_voxels, next(calls)))

    row = complete_volume(volume, predict, CONFIG).tsdf_voxels[0, 0]
    np.testing.assert_allclose(row, [0, 0, 0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1, 1, 1],
                               atol=1e-6)


def test_a_rim_averages_only_windows_that_tell_of_a_surface():
    volume = scan((16, 8, 12))
    volume[0] = 1.0
    calls = iter([(-1.0, 9.0), (2.0, -9.0)])

    def predict(chunks: Tensor) -> S4rOutput:
        tsdf, occupancy = next(calls)
        output = identity(chunks)
        return output._replace(tsdf_voxels=torch.full_like(output.tsdf_voxels, tsdf),
                               occupancy_logits=torch.full_like(output.tsdf_voxels, occupancy))

    answer = complete_volume(volume, predict, CONFIG, Windowing(blend='rim'))
    # The first ends at 8 less its rim, the second starts at 4 plus its rim and sees no surface.
    assert answer.tsdf_voxels[0, 0].tolist() == [-1] * 6 + [2] * 6
    assert answer.near_surface[0, 0].tolist() == [True] * 6 + [False] * 6


def test_probabilities_are_kept_on_demand():
    volume = scan((16, 8, 12))
    assert completed(volume).probabilities is None
    kept = completed(volume, keeps_probabilities=True).probabilities
    assert kept.dtype == np.float16
    np.testing.assert_allclose(kept, logits_of(volume).softmax(dim=0), atol=1e-3)


def test_lab_colors_are_answered_as_srgb():
    volume = scan((16, 8, 8))
    answer = complete_volume(volume, identity, replace(CONFIG, color_space='lab'))
    expected = (lab_to_rgb(volume[None, 1:4])[0] * 255).round().byte().permute(1, 2, 3, 0)
    assert np.array_equal(answer.rgb, expected)


@pytest.mark.parametrize(('preset', 'missing'), [
    ('color-blind', {'rgb'}),
    ('single-task', {'rgb', 'tsdf_voxels', 'near_surface'})])
def test_what_has_no_decoder_is_not_answered(preset, missing):
    config = replace(load_preset(preset), channels=(2, 2), chunk_shape=(16, 8, 8))
    answer = complete_volume(scan((16, 12, 8)), S4rNetwork(config).eval(), config)
    absent = {name for name in ('tsdf_voxels', 'near_surface', 'rgb', 'labels', 'confidence')
              if getattr(answer, name) is None}
    assert absent == missing
    assert answer.labels.max() < 11


def test_volumes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r'expected \(5, Z, Y, X\)'):
        completed(torch.zeros(1, 5, 16, 8, 8))


@pytest.mark.parametrize('changes', [{}, {'norm_order': 'activation_first'}], ids=str)
def test_the_folded_network_computes_the_same(changes):
    config: S4rConfig = replace(CONFIG, **changes)
    network = S4rNetwork(config).train()
    chunks = torch.stack([scan((16, 8, 8)) for _ in range(2)])
    for _ in range(3):
        network(chunks)
    network.eval()
    folded = optimized(network)
    norms = [part for part in folded.modules() if isinstance(part, torch.nn.BatchNorm3d)]
    assert bool(norms) == bool(changes)
    with torch.inference_mode():
        for ours, theirs in zip(folded(chunks), network(chunks), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
