"""What the network takes and returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Distances are cut off here, in voxels; a surface band is what lies closer.
TRUNCATION_VOXELS = 3.0
# From here on a distance only says that the surface is far.
FAR_VOXELS = 2.99
# Distance, red, green and blue, and whether the voxel was observed.
INPUT_CHANNELS = 5


class S4rOutput(NamedTuple):
    """
    Raw predictions for every voxel of a batch of chunks; None of what has no decoder.

    Attributes:
        tsdf_voxels: (B, 1, Z, Y, X) distance to the surface in voxels, positive in front of it,
            not cut off.
        colors: (B, 3, Z, Y, X) in [0, 1], in the colour space of the configuration.
        occupancy_logits: (B, 1, Z, Y, X); above 0 where a surface is nearer than the truncation.
        class_logits: (B, num_classes, Z, Y, X).
    """

    tsdf_voxels: Tensor | None
    colors: Tensor | None
    occupancy_logits: Tensor | None
    class_logits: Tensor | None

    def float(self) -> S4rOutput:
        """Return everything as float32."""
        return S4rOutput._make(None if part is None else part.float() for part in self)


def joined(outputs: Sequence[S4rOutput]) -> S4rOutput:
    """Return the predictions of several batches as those of one."""
    return S4rOutput._make(
        None if parts[0] is None else torch.cat(parts) for parts in zip(*outputs, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class CompletedVolume:
    """
    A scene as the network completes it; None of what it does not predict.

    Where ``covered`` is false nothing was predicted: distances are -inf, labels 255, colours and
    confidence 0.

    Attributes:
        covered: (Z, Y, X) bool: the voxel lies in a window that holds a measured surface.
        tsdf_voxels: (Z, Y, X) float32 distances within [-3, 3] voxels.
        near_surface: (Z, Y, X) bool: the distance is one, and not merely its bound; what meshes
            and images are made of.
        rgb: (Z, Y, X, 3) uint8.
        labels: (Z, Y, X) uint8 ids of the label space.
        confidence: (Z, Y, X) float32 probability of the label.
        probabilities: (num_classes, Z, Y, X) float16, where they were asked for.
        stage_ms: time of each stage.
    """

    covered: NDArray[np.bool_]
    tsdf_voxels: NDArray[np.float32] | None = None
    near_surface: NDArray[np.bool_] | None = None
    rgb: NDArray[np.uint8] | None = None
    labels: NDArray[np.uint8] | None = None
    confidence: NDArray[np.float32] | None = None
    probabilities: NDArray[np.float16] | None = None
    stage_ms: dict[str, float] = field(default_factory=dict)


def surface_band(output: S4rOutput) -> Tensor:
    """
    Return (B, 1, Z, Y, X) bool: where the distance is one, and not merely its bound.

    Raises:
        ValueError: the network has no geometry decoder.
    """
    if output.tsdf_voxels is None:
        raise ValueError('the network predicts no geometry: choose a configuration whose decoders '
                         'contain geometry')
    is_near = output.tsdf_voxels.abs() < TRUNCATION_VOXELS
    return is_near if output.occupancy_logits is None else is_near & (output.occupancy_logits > 0)
