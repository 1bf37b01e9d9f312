"""Chunks continued beyond their sides, so that surfaces in the outermost voxels are seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS


def with_border(
    tsdf_voxels: Tensor, valid: Tensor, features: Tensor, count: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return volumes with so many voxels more on every side.

    Distances go on as straight lines through the two outermost voxels, as they would at a plane;
    features and validity as they are at the side, but for distances that leave the band.

    Args:
        tsdf_voxels: (B, Z, Y, X), at least two voxels along every edge.
        valid: (B, Z, Y, X) bool.
        features: (B, F, Z, Y, X).
    """
    if not count:
        return tsdf_voxels, valid, features
    sides = (count,) * 6
    distances = tsdf_voxels
    for axis in (1, 2, 3):
        distances = _continued(distances, axis, count)
    is_valid = F.pad(valid[:, None].float(), sides, mode='replicate')[:, 0] > 0
    is_valid = is_valid & (distances.abs() < TRUNCATION_VOXELS)
    return distances, is_valid, F.pad(features, sides, mode='replicate')


def moved_by(T_grid_camera: Tensor, count: int) -> Tensor:
    """Return (N, 4, 4) cameras in the frame of volumes with a border."""
    shift = torch.eye(4, dtype=T_grid_camera.dtype, device=T_grid_camera.device)
    shift[:3, 3] = count
    return shift @ T_grid_camera


def _continued(values: Tensor, axis: int, count: int) -> Tensor:
    """Return values with straight lines added at both ends of an axis."""
    length = values.shape[axis]
    steps = torch.arange(1, count + 1, dtype=values.dtype, device=values.device)
    steps = steps.view(-1, *(1,) * (values.ndim - 1 - axis))
    first, second, second_last, last = (
        values.narrow(axis, place, 1) for place in (0, 1, length - 2, length - 1))
    before = first + steps.flip(0) * (first - second)
    return torch.cat([before, values, last + steps * (last - second_last)], dim=axis)
