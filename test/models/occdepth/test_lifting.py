from __future__ import annotations

import pytest
import torch

from ssc_ros.models.occdepth.gathering import feature_rows, make_lookup
from ssc_ros.models.occdepth.lifting import (
    VoxelLifting,
    _lift_stereo,
    _StereoLifting,
    cosine_similarity,
    fuse_two_views,
)

LEFT, RIGHT = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]])
SEEN, HIDDEN = torch.ones(1), torch.zeros(1)
SHAPE = (3, 4, 5)


def _lifting(**options) -> VoxelLifting:
    return VoxelLifting(4, **{
        'fusion': 'sfa', 'gather': 'nearest', 'single_view_scale': 1.0, 'views': 2, **options})


def _scene(views: int = 2, batch: int = 2):
    pyramid = {scale: torch.randn(batch, views, 4, 24 // scale, 32 // scale)
               for scale in (1, 2, 4, 8)}
    pixels = torch.stack([
        torch.randint(0, 32, (batch, views, 60)), torch.randint(0, 24, (batch, views, 60))],
        dim=-1)
    return pyramid, pixels, torch.rand(batch, views, 60) > 0.3


def test_agreeing_views_are_averaged_and_weighted_by_their_cosine():
    fused = fuse_two_views(LEFT, RIGHT, SEEN, SEEN)
    torch.testing.assert_close(fused, torch.tensor([[3.36, 3.36]]))


@pytest.mark.parametrize(('scale', 'expected'), [(0.5, [1.5, 2.0]), (1.0, [3.0, 4.0])])
def test_a_feature_of_one_view_is_kept_or_halved_by_choice(scale, expected):
    fused = fuse_two_views(LEFT, RIGHT, SEEN, HIDDEN, single_view_scale=scale)
    torch.testing.assert_close(fused, torch.tensor([expected]))


def test_plain_averaging_ignores_the_cosine():
    fused = fuse_two_views(LEFT, -LEFT, SEEN, SEEN, weigh_by_cosine=False)
    torch.testing.assert_close(fused, torch.zeros(1, 2))


def test_opposite_views_weigh_negatively():
    assert cosine_similarity(LEFT, -LEFT).item() == pytest.approx(-1.0)


@pytest.mark.parametrize('other', [torch.zeros(1, 2), LEFT])
def test_gradients_stay_finite_where_a_feature_is_zero(other):
    zero, other = torch.zeros(1, 2, requires_grad=True), other.clone().requires_grad_()
    fuse_two_views(zero, other, SEEN, SEEN).sum().backward()
    assert zero.grad.abs().max() < 10
    assert other.grad.abs().max() < 10


@pytest.mark.parametrize('gather', ['nearest', 'bilinear'])
@pytest.mark.parametrize('weigh_by_cosine', [True, False])
def test_the_stepwise_gradient_equals_automatic_differentiation(gather, weigh_by_cosine):
    voxels = 9000  # more than two steps
    pixels = torch.rand(2, voxels, 2) * torch.tensor([36.0, 28.0]) - 2
    pixels = pixels.round().long() if gather == 'nearest' else pixels
    maps = torch.arange(2)[:, None].expand(2, voxels)
    pyramid = {scale: torch.randn(1, 2, 5, 24 // scale, 32 // scale, dtype=torch.float64)
               for scale in (1, 4)}
    pyramid[1][:, :, :, :5] = 0
    rows = [feature_rows(level).requires_grad_() for level in pyramid.values()]
    lookups = [make_lookup(pixels, maps, tuple(level.shape[-2:]), scale, gather)
               for scale, level in pyramid.items()]
    seen = (torch.rand(2, voxels) > 0.3).double()
    options = {'single_view_scale': 0.7, 'weigh_by_cosine': weigh_by_cosine}
    lifted = _lift_stereo(seen, lookups, options, rows)
    given = torch.randn_like(lifted)
    expected = torch.autograd.grad(lifted, rows, given)
    found = torch.autograd.grad(_StereoLifting.apply(seen, lookups, options, *rows), rows, given)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('fusion', ['sfa', 'mean', 'concat'])
@pytest.mark.parametrize('views', [1, 2])
def test_voxels_out_of_every_view_stay_zero(fusion, views):
    pyramid, pixels, in_view = _scene(views)
    lifted = _lifting(fusion=fusion, views=views)(pyramid, pixels, in_view, SHAPE)
    unseen = ~in_view.any(1).view(2, *SHAPE)
    assert unseen.any()
    assert (lifted.permute(0, 2, 3, 4, 1)[unseen] == 0).all()
    assert lifted.permute(0, 2, 3, 4, 1)[~unseen].abs().sum(-1).min() > 0


def test_every_sample_of_a_batch_uses_its_own_tables():
    pyramid, pixels, in_view = _scene()
    together = _lifting()(pyramid, pixels, in_view, SHAPE)
    for sample in range(2):
        only = slice(sample, sample + 1)
        alone = _lifting()(
            {scale: maps[only] for scale, maps in pyramid.items()}, pixels[only], in_view[only],
            SHAPE)
        torch.testing.assert_close(together[only], alone)


def test_scales_are_summed_and_voxels_keep_their_order():
    pyramid, pixels, in_view = _scene(views=1, batch=1)
    lifted = _lifting(views=1)(pyramid, pixels, torch.ones_like(in_view), SHAPE)
    voxel, (u, v) = 1 * 20 + 2 * 5 + 3, pixels[0, 0, 1 * 20 + 2 * 5 + 3].tolist()
    expected = sum(maps[0, 0, :, v // scale, u // scale] for scale, maps in pyramid.items())
    assert voxel == 33
    torch.testing.assert_close(lifted[0, :, 1, 2, 3], expected)


def test_swapping_the_views_changes_nothing():
    pyramid, pixels, in_view = _scene()
    swapped = {scale: maps.flip(1) for scale, maps in pyramid.items()}
    torch.testing.assert_close(
        _lifting()(pyramid, pixels, in_view, SHAPE),
        _lifting()(swapped, pixels.flip(1), in_view.flip(1), SHAPE), rtol=0, atol=0)


@pytest.mark.parametrize('fusion', ['sfa', 'mean'])
def test_two_equal_views_equal_one(fusion):
    pyramid, pixels, in_view = _scene(views=1)
    twice = {scale: maps.expand(-1, 2, -1, -1, -1) for scale, maps in pyramid.items()}
    one = _lifting(views=1)(pyramid, pixels, in_view, SHAPE)
    two = _lifting(fusion=fusion)(
        twice, pixels.expand(-1, 2, -1, -1), in_view.expand(-1, 2, -1), SHAPE)
    torch.testing.assert_close(one, two)


def test_half_precision_features_are_fused_in_single_precision():
    pyramid, pixels, in_view = _scene()
    exact = _lifting()(pyramid, pixels, in_view, SHAPE)
    with torch.autocast('cpu', torch.bfloat16):
        half = _lifting()({scale: maps.bfloat16() for scale, maps in pyramid.items()}, pixels,
                          in_view, SHAPE)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.1, rtol=0.02)
