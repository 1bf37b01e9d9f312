"""Label-smoothed cross-entropy of voxels and of the pixels that show them (AMMNet, Sec. 3.4)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from training.losses.completion import IGNORE_ID


def smooth_cross_entropy(
    logits: Tensor, target: Tensor, *, smoothing: float = 0.2, weights: Tensor | None = None,
) -> Tensor:
    """
    Return the mean over all known targets of the batch; 0 if there is none.

    Args:
        logits: (B, C, ...).
        target: (B, ...) ids, 255 = unknown.
        weights: (C,) of the classes.
    """
    labels = target.long()
    total = F.cross_entropy(
        logits.float(), labels, weight=weights, ignore_index=IGNORE_ID, label_smoothing=smoothing,
        reduction='sum')
    # Known only on the device: no round trip to find out whether anything is.
    counted = (labels != IGNORE_ID)
    if weights is None:
        return total / counted.sum().clamp(min=1)
    mass = weights[labels.where(counted, 0)].where(counted, 0).sum()
    return total / mass.clamp(min=1e-6)


def masked_labels(labels: Tensor, weight: Tensor) -> Tensor:
    """Return (B, X, Y, Z) labels that are 255 outside the label weight."""
    return labels.where(weight, IGNORE_ID)


def pixel_labels(labels: Tensor, voxel_of_pixel: Tensor) -> Tensor:
    """
    Project labels back to the image: each pixel takes the label of the voxel it points to.

    Args:
        labels: (B, X, Y, Z) uint8.
        voxel_of_pixel: (B, H, W) flat voxel of every pixel, -1 = none, which becomes 255.
    """
    flat = voxel_of_pixel.flatten(1).long()
    seen = labels.flatten(1).gather(1, flat.clamp(min=0))
    return seen.where(flat >= 0, IGNORE_ID).view(voxel_of_pixel.shape)
