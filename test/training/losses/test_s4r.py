"""Losses of views, against values computed by hand on images of 4 x 4."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from training.losses.s4r import (
    ViewTarget,
    color_loss,
    depth_loss,
    label_loss,
    surface_pixels,
    view_losses,
    weighted_sum,
)
from training.options.s4r import S4rLossConfig

CONFIG = S4rLossConfig(least_pixels=1)
ALL = torch.ones(1, 4, 4, dtype=torch.bool)


def image(*values: float) -> Tensor:
    """Return (1, 4, 4) of which the first pixels have values and all others 0."""
    return torch.tensor([*values, *[0.0] * (16 - len(values))]).view(1, 4, 4)


def rendering(**changes: Tensor) -> SimpleNamespace:
    return SimpleNamespace(**{
        'hit': ALL, 'voxels': torch.zeros(1, 4, 4, dtype=torch.int64), 'depth_m': image(),
        'entry_depth_m': image(), **changes})


def test_depth_counts_where_it_was_measured_and_at_most_half_a_metre():
    measured = image(1.0, 2.0, 3.0, 0.0)
    rendered = image(1.1, 1.8, 9.0, 5.0)
    loss = depth_loss(rendered, measured, ALL, CONFIG)
    assert loss.tolist() == pytest.approx([(0.1 + 0.2 + 0.5) / 16])


def test_colors_count_all_channels_of_the_pixels_that_count():
    rendered = torch.zeros(1, 3, 4, 4)
    rendered[0, :, 0, 0] = torch.tensor([0.1, 0.2, 0.3])
    rendered[0, :, 3, 3] = 1.0
    pixels = image(1, 1, 1).bool()
    loss = color_loss(rendered, torch.zeros(1, 3, 4, 4), pixels, CONFIG)
    assert loss.tolist() == pytest.approx([0.6 / 3])


def test_labels_255_add_nothing():
    logits = torch.zeros(1, 4, 4, 4)
    logits[0, 2, 0, 0] = math.log(5)
    labels = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    labels[0, 0, :2] = torch.tensor([2, 1], dtype=torch.uint8)
    loss = label_loss(logits, labels, ALL, CONFIG)
    assert loss.tolist() == pytest.approx([(-math.log(5 / 8) + math.log(4)) / 16])


def test_views_with_too_few_pixels_are_left_out_without_nan():
    broken = torch.full((2, 4, 4), torch.nan)
    pixels = torch.zeros(2, 4, 4, dtype=torch.bool)
    rendered = torch.ones(2, 4, 4, requires_grad=True)
    loss = depth_loss(rendered * broken, torch.ones(2, 4, 4), pixels, CONFIG)
    assert loss.tolist() == [0, 0]
    few = depth_loss(torch.zeros(1, 4, 4), torch.ones(1, 4, 4), ALL, S4rLossConfig())
    enough = depth_loss(
        torch.zeros(1, 4, 4), torch.ones(1, 4, 4), ALL, S4rLossConfig(least_pixels=16))
    assert (few.tolist(), enough.tolist()) == ([0], [0.5])


def test_every_view_is_divided_by_its_own_pixels():
    pixels = torch.cat([ALL, image(1).bool()])
    loss = depth_loss(torch.zeros(2, 4, 4), torch.full((2, 4, 4), 0.25), pixels, CONFIG)
    assert loss.tolist() == [0.25, 0.25]


def test_pixels_count_where_the_nearest_voxel_is_within_three_centimetres():
    tsdf = torch.tensor([0.5, -1.4, 1.6, 0.0]).view(1, 1, 1, 4)
    voxels = torch.full((1, 4, 4), -1)
    voxels[0, 0] = torch.arange(4)
    hit = torch.zeros(1, 4, 4, dtype=torch.bool)
    hit[0, 0, :3] = True
    pixels = surface_pixels(rendering(hit=hit, voxels=voxels), tsdf, CONFIG)
    assert pixels[0, 0].tolist() == [True, True, False, False]
    assert not pixels[0, 1:].any()


def test_what_hides_the_chunk_is_left_out_and_what_lies_behind_is_not():
    tsdf = torch.zeros(1, 1, 1, 1)
    measured = image(0.9, 0.95, 3.0, 0.0)
    shown = rendering(entry_depth_m=torch.ones(1, 4, 4))
    assert surface_pixels(shown, tsdf, CONFIG, measured)[0, 0].tolist() == [
        False, True, True, True]
    unmasked = S4rLossConfig(masks_occluded=False)
    assert surface_pixels(shown, tsdf, unmasked, measured).all()
    assert surface_pixels(shown, tsdf, CONFIG).all()


def test_the_losses_of_a_view_have_the_names_of_their_weights():
    target = ViewTarget(image(1.0), torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4))
    losses = view_losses(
        rendering(), target, ALL, CONFIG, colors=torch.ones(1, 3, 4, 4),
        logits=torch.zeros(1, 2, 4, 4))
    assert losses['depth'].item() == pytest.approx(0.5 / 16)
    assert losses['color'].item() == pytest.approx(3)
    assert losses['labels'].item() == pytest.approx(math.log(2))
    total = weighted_sum(losses, S4rLossConfig(depth=16, color=2, labels=0))
    assert total.item() == pytest.approx(6.5)
    assert set(view_losses(rendering(), target, ALL, CONFIG, colors=None, logits=None)) == {
        'depth'}


def test_labels_made_of_rendered_colors_carry_no_gradient_back_to_them():
    colors = torch.rand(1, 3, 4, 4, requires_grad=True)
    logits = torch.rand(1, 3, 4, 4, requires_grad=True)
    label_loss(logits, colors.detach().argmax(dim=1), ALL, CONFIG).sum().backward()
    assert colors.grad is None
    assert logits.grad is not None
