from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.occdepth.depth_bins import DepthBins
from ssc_ros.models.occdepth.depth_matching import matching_scores
from ssc_ros.models.occdepth.inputs import mirrored
from ssc_ros.models.occdepth.presets import load_preset

FOCAL_BASELINE = 24.0
DEPTHS_M = torch.tensor([1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
SIZE = (6, 16)


@pytest.fixture
def textured() -> torch.Tensor:
    """Return a picture whose halved copy still has a texture of its own at every pixel."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randn(1, 3, 24, 64, generator=generator)
    return coarse.repeat_interleave(2, -1).repeat_interleave(2, -2)


def _pair(picture: torch.Tensor, disparity: int) -> torch.Tensor:
    return torch.stack([picture, picture.roll(-disparity, dims=-1)], dim=1)


def _best(scores: torch.Tensor, view: int) -> set[float]:
    # Columns near the border have no partner in the other eye.
    inner = scores[0, view, :, :, 4:-4]
    return set(DEPTHS_M[inner.argmax(0)].flatten().tolist())


@pytest.mark.parametrize(('depth_m', 'disparity'), [(1.0, 24), (2.0, 12), (3.0, 8), (6.0, 4)])
def test_a_wall_agrees_best_at_its_depth_in_both_eyes(textured, depth_m, disparity):
    scores = matching_scores(
        _pair(textured, disparity), DEPTHS_M, torch.tensor([[FOCAL_BASELINE, 0.0]]), SIZE)
    assert scores.shape == (1, 2, len(DEPTHS_M), *SIZE)
    assert _best(scores, 0) == _best(scores, 1) == {depth_m}
    assert scores.max().item() == pytest.approx(1.0, abs=1e-4)


def test_principal_points_that_differ_shift_the_disparity(textured):
    epipolar = torch.tensor([[FOCAL_BASELINE, 4.0]])
    scores = matching_scores(_pair(textured, 12), DEPTHS_M, epipolar, SIZE)
    assert _best(scores, 0) == {3.0}


def test_mirrored_images_give_mirrored_scores(textured):
    images, epipolar = _pair(textured, 8), torch.tensor([[FOCAL_BASELINE, 2.0]])
    upright = matching_scores(images, DEPTHS_M, epipolar, SIZE)
    turned = matching_scores(images.flip(-1), DEPTHS_M, -epipolar, SIZE)
    torch.testing.assert_close(turned, upright.flip(-1))


def test_brightness_and_contrast_of_one_eye_do_not_matter(textured):
    images, epipolar = _pair(textured, 8), torch.tensor([[FOCAL_BASELINE, 0.0]])
    changed = torch.stack([images[:, 0], 0.5 * images[:, 1] + 3.0], dim=1)
    scores = [matching_scores(pair, DEPTHS_M, epipolar, SIZE)[..., 1:-1, 4:-4]
              for pair in (images, changed)]
    torch.testing.assert_close(*scores, atol=1e-3, rtol=0)


def test_blank_images_and_near_depths_score_nothing():
    blank = torch.zeros(1, 2, 3, 48, 128)
    epipolar = torch.tensor([[FOCAL_BASELINE, 0.0]])
    assert not matching_scores(blank, DEPTHS_M, epipolar, SIZE).any()
    noise = torch.randn(1, 2, 3, 48, 128)
    assert not matching_scores(noise, torch.tensor([0.3]), epipolar, SIZE).any()


def test_disparity_follows_from_the_poses_of_both_cameras(make_inputs, tiny):
    config = replace(tiny, depth_matching=True)
    inputs = make_inputs(config, baseline_m=0.2)
    focal_px = 0.8 * config.image_size[1]
    np.testing.assert_allclose(inputs.epipolar, [[0.2 * focal_px, 0.0]], atol=1e-5)
    np.testing.assert_allclose(
        mirrored(inputs, config.image_size[1]).epipolar, [[-0.2 * focal_px, 0.0]], atol=1e-5)


def test_one_view_or_no_depth_network_cannot_match():
    with pytest.raises(ConfigurationError, match='depth_matching needs'):
        replace(load_preset('small'), views=1)
    with pytest.raises(ConfigurationError, match='depth_matching needs'):
        replace(load_preset('small'), depth_prior=False, depth_supervision='none')


def test_only_matching_networks_carry_its_tables(make_inputs, tiny):
    assert make_inputs(tiny).epipolar is None


@pytest.mark.parametrize('spacing', ['lid', 'sid', 'uniform'])
def test_bin_centers_lie_in_the_middle_of_their_edges(spacing):
    bins = DepthBins(spacing, 0.5, 6.0, 10)
    edges, centers = bins.edges_m(), bins.centers_m()
    np.testing.assert_allclose(centers - edges[:-1], edges[1:] - centers)


def test_flat_images_match_nowhere_instead_of_where_rounding_says():
    images = torch.full((1, 2, 3, 64, 96), 0.1234567)
    scores = matching_scores(
        images, torch.tensor([1.0, 2.0]), torch.tensor([[20.0, 0.0]]), (8, 12))
    # Within the border of a patch the padding is seen.
    assert scores[..., 1:-1, 5:-5].abs().max() < 1e-3
