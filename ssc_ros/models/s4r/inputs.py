"""What the network takes and returns."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Distances are cut off here, in voxels; a surface band is what lies closer.
TRUNCATION_VOXELS = 3.0
INPUT_CHANNELS = 5


class S4rOutput(NamedTuple):
    """
    Raw predictions for every voxel of a batch of chunks; None of what has no decoder.

    Attributes:
        tsdf_voxels: (B, 1, Z, Y, X) distance to the surface in voxels, positive in front of it,
            not cut off.
        occupancy_logits: (B, 1, Z, Y, X); above 0 where a surface is nearer than the truncation.
        colors: (B, 3, Z, Y, X) in [0, 1], in the colour space of the configuration.
        class_logits: (B, num_classes, Z, Y, X).
    """

    tsdf_voxels: Tensor | None
    occupancy_logits: Tensor | None
    colors: Tensor | None
    class_logits: Tensor | None

    def float(self) -> S4rOutput:
        """Return everything as float32."""
        return S4rOutput._make(None if part is None else part.float() for part in self)


def pack_volume(
    tsdf_voxels: Tensor, colors: Tensor, observed: Tensor | None = None,
) -> Tensor:
    """
    Join what was fused into the input of the network, (B, 5, Z, Y, X).

    Its channels are the distance cut off at three voxels, three of colour, 0 where no surface is
    that near, and 1 where observed.

    Args:
        tsdf_voxels: (B, Z, Y, X) distance in voxels, -inf where nothing was observed.
        colors: (B, 3, Z, Y, X) in [0, 1].
        observed: (B, Z, Y, X) bool; by default, where the distance is finite.
    """
    if observed is None:
        observed = tsdf_voxels.isfinite()
    is_near = tsdf_voxels.abs() <= TRUNCATION_VOXELS
    distances = tsdf_voxels.clamp(-TRUNCATION_VOXELS, TRUNCATION_VOXELS)
    shown = colors.where(is_near[:, None], 0)
    return torch.cat([distances[:, None], shown, observed[:, None].to(distances)], dim=1)


def is_surface_band(output: S4rOutput) -> Tensor:
    """
    Return (B, 1, Z, Y, X) bool: where the prediction is a distance and not merely its bound.

    Raises:
        ValueError: the network has no geometry decoder.
    """
    if output.tsdf_voxels is None:
        raise ValueError('the network predicts no geometry: choose a configuration whose decoders '
                         'contain geometry')
    is_near = output.tsdf_voxels.abs() < TRUNCATION_VOXELS
    return is_near if output.occupancy_logits is None else is_near & (output.occupancy_logits > 0)
