"""
Losses of S4R: of rendered views (Eq. 1 to 4) and of the volumes that they are rendered from.

Every loss comes per sample of the batch, (B,), so that the caller may leave some out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.completion import IGNORE_ID
from training.options.s4r import S4rLossConfig

if TYPE_CHECKING:
    from ssc_ros.models.s4r.rendering import Rendering


class ViewTarget(NamedTuple):
    """
    What real views show.

    Attributes:
        depth_m: (B, H, W) measured depth, 0 = missing.
        colors: (B, 3, H, W) in [0, 1], in the colour space of the network.
        labels: (B, H, W) uint8 pseudo labels, 255 = none.
    """

    depth_m: Tensor
    colors: Tensor
    labels: Tensor


def surface_pixels(
    rendering: Rendering, tsdf_voxels: Tensor, config: S4rLossConfig,
    measured_depth_m: Tensor | None = None,
) -> Tensor:
    """
    Return (B, H, W) bool: the pixels that count.

    Those that show a predicted surface; of real views, whose depth was measured, only where no
    other surface stands before the chunk. Depth measured behind the chunk does count: it tells of
    surfaces that do not exist.

    Args:
        rendering: of the batch.
        tsdf_voxels: (B, Z, Y, X) predicted distances that it was made of.
        measured_depth_m: (B, H, W), 0 = missing; None of virtual views.
    """
    distance = tsdf_voxels.detach().flatten(1).gather(
        1, rendering.voxels.clamp(min=0).flatten(1)).view_as(rendering.voxels)
    counts = rendering.hit & (distance.abs() < config.band_voxels)
    if measured_depth_m is None or not config.masks_occluded:
        return counts
    is_hidden = (measured_depth_m > 0) & (
        measured_depth_m < rendering.entry_depth_m - config.occlusion_margin_m)
    return counts & ~is_hidden


def depth_loss(
    rendered_m: Tensor, measured_m: Tensor, pixels: Tensor, config: S4rLossConfig,
) -> Tensor:
    """Return Eq. 1: absolute error of (B, H, W) depths, in metres, where one was measured."""
    error = (rendered_m - measured_m).abs().clamp(max=config.depth_limit_m)
    return _per_view(error * (measured_m > 0), pixels, config)


def color_loss(
    rendered: Tensor, image: Tensor, pixels: Tensor, config: S4rLossConfig,
) -> Tensor:
    """Return Eq. 2: L1 distance of (B, 3, H, W) colours in [0, 1]."""
    return _per_view((rendered - image).abs().sum(dim=1), pixels, config)


def label_loss(
    logits: Tensor, labels: Tensor, pixels: Tensor, config: S4rLossConfig,
) -> Tensor:
    """
    Return Eq. 3 or 4: cross-entropy of rendered logits (B, C, H, W) and labels (B, H, W).

    Pixels of label 255 add nothing but are among those that the sum is divided by, as any pixel
    of the view is.
    """
    entropy = F.cross_entropy(
        logits.float(), labels.long(), ignore_index=IGNORE_ID, reduction='none')
    return _per_view(entropy, pixels, config)


def view_losses(
    rendering: Rendering, target: ViewTarget, pixels: Tensor, config: S4rLossConfig, *,
    colors: Tensor | None, logits: Tensor | None,
) -> dict[str, Tensor]:
    """
    Return the losses of real views by name, each (B,) and not yet weighted.

    Args:
        rendering: of the batch.
        pixels: of ``surface_pixels``.
        colors: (B, 3, H, W) rendered; None of a network that predicts none.
        logits: (B, C, H, W) rendered; None where they are not learned from views.
    """
    losses = {'depth': depth_loss(rendering.depth_m, target.depth_m, pixels, config)}
    if colors is not None:
        losses['color'] = color_loss(colors, target.colors, pixels, config)
    if logits is not None:
        losses['labels'] = label_loss(logits, target.labels, pixels, config)
    return losses


def weighted_sum(losses: dict[str, Tensor], config: S4rLossConfig) -> Tensor:
    """Return the sum over samples and terms; the terms have the names of their weights."""
    return torch.stack([getattr(config, name) * loss.sum() for name, loss in losses.items()]).sum()


def _per_view(values: Tensor, pixels: Tensor, config: S4rLossConfig) -> Tensor:
    """Return (B,) sums of (B, H, W) over the pixels that count, divided by their number."""
    count = pixels.flatten(1).sum(dim=1)
    # Replaced, not multiplied: what does not count may be NaN.
    total = values.where(pixels, 0).flatten(1).sum(dim=1)
    return (total / count.clamp(min=1)).where(count >= config.least_pixels, 0)
