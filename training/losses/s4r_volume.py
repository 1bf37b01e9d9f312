"""Losses of S4R on voxels: of distances and occupancy, and those of the supervised twin."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.s4r.inputs import FAR_VOXELS, TRUNCATION_VOXELS
from training.losses.completion import class_cross_entropy
from training.losses.smooth import masked_labels
from training.options.s4r import S4rLossConfig

SURFACE_VOXELS = 1.0
# Codes of what is known of a voxel: 0 free, 1 surface, larger ones tell of nothing.
LARGEST_KNOWN_CODE = 1


class VolumeTarget(NamedTuple):
    """
    What a completed volume is compared with.

    Attributes:
        tsdf_voxels: (B, Z, Y, X) distances within [-3, 3].
        weight: (B, Z, Y, X), 0 where nothing is known.
        known: (B,) voxels of which something is known.
    """

    tsdf_voxels: Tensor
    weight: Tensor
    known: Tensor


def volume_target(
    complete: Tensor, incomplete: Tensor, known: Tensor, config: S4rLossConfig,
    occupancy_logits: Tensor | None = None,
) -> VolumeTarget:
    """
    Say what is to be learned of a pair of chunks.

    Args:
        complete, incomplete: (B, Z, Y, X) distances in voxels, -inf or -3 where none is stored.
        known: (B, Z, Y, X) uint8 codes of the complete chunk, 0 = free, 1 = surface.
        occupancy_logits: (B, Z, Y, X) prediction, needed by ``masks_predicted_empty`` alone.
    """
    # Files list voxels near surfaces: what else is known to be free has no distance there.
    bounded = complete.clamp(-TRUNCATION_VOXELS, TRUNCATION_VOXELS)
    is_known = known <= LARGEST_KNOWN_CODE
    target = bounded.where((known > 0) | (bounded > -TRUNCATION_VOXELS), TRUNCATION_VOXELS)
    is_hole = (target.abs() < FAR_VOXELS) & (incomplete.abs() >= FAR_VOXELS)
    weight = torch.where(is_hole, config.hole_weight, 1.0) * is_known
    if config.behind_voxels > SURFACE_VOXELS:
        # They weigh 1 in holes, too: as much as what lies before, they would thicken guesses.
        is_behind = ~is_known & (target > -TRUNCATION_VOXELS) & (target >= -config.behind_voxels)
        weight, is_known = weight + is_behind, is_known | is_behind
    if config.masks_predicted_empty:
        if occupancy_logits is None:
            raise ValueError('masks_predicted_empty needs the occupancy that was predicted: '
                             'choose a network that has it')
        weight = weight * (occupancy_logits.detach() >= 0)
    return VolumeTarget(target, weight, is_known.flatten(1).sum(dim=1))


def log_distance(tsdf_voxels: Tensor) -> Tensor:
    """
    Return sign(d) ln(|d| + 1): errors near the surface count more (SPSG).

    >>> log_distance(torch.tensor([-1.0, 0.0, 1.0])).round(decimals=3).tolist()
    [-0.693, 0.0, 0.693]
    """
    return tsdf_voxels.sign() * tsdf_voxels.abs().log1p()


def distance_loss(predicted: Tensor, target: VolumeTarget) -> Tensor:
    """
    Return (B,) mean weighted L1 error of log distances over known voxels.

    A prediction beyond the bound is right where the target is at that bound, and is pulled back
    elsewhere; cut off alone, it would have no gradient.

    Args:
        predicted: (B, Z, Y, X) distances in voxels, not cut off.
    """
    truth, bound = target.tsdf_voxels, TRUNCATION_VOXELS
    limited = predicted.float().where(truth < bound, predicted.float().clamp(max=bound))
    limited = limited.where(truth > -bound, limited.clamp(min=-bound))
    return _mean((log_distance(limited) - log_distance(truth)).abs(), target)


def occupancy_loss(logits: Tensor, target: VolumeTarget) -> Tensor:
    """Return (B,) mean weighted cross-entropy of (B, Z, Y, X) logits over known voxels."""
    is_near = (target.tsdf_voxels.abs() < TRUNCATION_VOXELS).float()
    entropy = F.binary_cross_entropy_with_logits(logits.float(), is_near, reduction='none')
    return _mean(entropy, target)


def class_weights(frequencies: Tensor) -> Tensor:
    """Return weights 1 / ln(1.2 + f) of classes that are (C,) fractions f of all voxels."""
    return 1 / (1.2 + frequencies).log()


def voxel_label_loss(
    logits: Tensor, labels: Tensor, tsdf_voxels: Tensor, weights: Tensor | None = None,
) -> Tensor:
    """
    Return the mean cross-entropy over labelled voxels of the surface; 0 if there is none.

    Args:
        logits: (B, C, Z, Y, X).
        labels: (B, Z, Y, X) uint8, 255 = none.
        tsdf_voxels: (B, Z, Y, X) of the complete volume.
        weights: (C,) of the classes.
    """
    return class_cross_entropy(
        logits, masked_labels(labels, tsdf_voxels.abs() < SURFACE_VOXELS), weights)


def voxel_color_loss(predicted: Tensor, colors: Tensor, tsdf_voxels: Tensor) -> Tensor:
    """Return (B,) mean L1 distance of (B, 3, Z, Y, X) colours over the voxels of the surface."""
    is_surface = tsdf_voxels.abs() < SURFACE_VOXELS
    error = (predicted.float() - colors).abs().sum(dim=1) * is_surface
    return error.flatten(1).sum(dim=1) / is_surface.flatten(1).sum(dim=1).clamp(min=1)


def _mean(values: Tensor, target: VolumeTarget) -> Tensor:
    """Average (B, Z, Y, X) over known voxels, weighted."""
    return (values * target.weight).flatten(1).sum(dim=1) / target.known.clamp(min=1)
