"""Occupancy-aware depth: a predicted depth distribution weights the lifted voxels."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.models.occdepth.depth_bins import DepthBins

_OUTSIDE = -2.0
_SMALLEST_COVERAGE = 1e-12


def pixel_size_scalar(camera: PinholeCamera) -> float:
    """
    Return the scale of a pixel that the depth network is told: 1000 |(1/fx, 1/fy)|.

    >>> round(pixel_size_scalar(PinholeCamera(718.856, 718.856, 607.2, 185.2, 370, 1220)), 5)
    1.96731
    """
    return float(1000.0 * np.hypot(1.0 / camera.fx, 1.0 / camera.fy))


def depth_sampling_grid(
    points_image: ArrayLike, depth_m: ArrayLike, bins: DepthBins, image_size: tuple[int, int],
) -> NDArray[np.float32]:
    """
    Place voxels in the normalised frustum (columns, rows, bins) that ``grid_sample`` reads.

    Args:
        points_image: (N, 2) exact u, v.
        depth_m: (N,) distance along the optical axis.
        image_size: (height, width) that u and v refer to.

    Returns:
        (N, 3) float32 in -1..1 inside; -2 wherever it is undefined, e.g. nearer than the first
        LID bin.
    """
    u, v = np.asarray(points_image, np.float64).T
    height, width = image_size
    grid = np.empty((len(u), 3), np.float32)
    is_defined = np.ones(len(u), bool)
    with np.errstate(over='ignore'):
        for axis, (position, last) in enumerate((
                (u, width - 1), (v, height - 1), (bins.index(depth_m), bins.count - 1))):
            grid[:, axis] = position * (2.0 / last) - 1.0
            is_defined &= np.isfinite(position)
    grid[~is_defined] = _OUTSIDE
    return grid


class CameraAwareGate(nn.Module):
    """Squeeze-and-excitation gate driven by the pixel size of the camera (BEVDepth, AAAI 2023)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Linear(1, channels), nn.ReLU(), nn.Linear(channels, channels))
        self.excite = nn.Sequential(
            nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1),
            nn.Sigmoid())

    def forward(self, features: Tensor, pixel_size: Tensor) -> Tensor:
        """Scale (M, C, h, w) features by a gate computed from (M,) pixel sizes."""
        gate: Tensor = self.excite(self.embed(pixel_size[:, None])[..., None, None])
        return features * gate


class DepthResidualBlock(nn.Module):
    """Basic residual block at constant width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map (M, C, h, w) to the same shape."""
        return torch.relu(self.body(features) + features)


class DepthNetwork(nn.Module):
    """Depth logits per pixel of the 1/8 features."""

    def __init__(self, feature_channels: int, channels: int, num_bins: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(feature_channels, channels, 3, padding=1), nn.BatchNorm2d(channels),
            nn.ReLU())
        self.gate = CameraAwareGate(channels)
        self.blocks = nn.Sequential(*(DepthResidualBlock(channels) for _ in range(3)))
        self.predict = nn.Conv2d(channels, num_bins, 1)

    def forward(self, features: Tensor, pixel_size: Tensor) -> Tensor:
        """Map (B, V, C, h, w) features and (B, V) pixel sizes to (B, V, D, h, w) logits."""
        batch, views = features.shape[:2]
        hidden = self.gate(self.reduce(features.flatten(0, 1)), pixel_size.flatten())
        logits: Tensor = self.predict(self.blocks(hidden))
        return logits.view(batch, views, *logits.shape[1:])


def occupancy_prior(depth_probabilities: Tensor, grid: Tensor) -> Tensor:
    """
    Read the depth distributions at the voxels and average the views that see them.

    Args:
        depth_probabilities: (B, V, D, h, w).
        grid: (B, V, X, Y, Z, 3) from :func:`depth_sampling_grid`.

    Returns:
        (B, 1, X, Y, Z) float32; 0 outside every frustum.
    """
    batch, views, *shape = grid.shape[:-1]
    volume = depth_probabilities.float().flatten(0, 1).unsqueeze(1)
    flat_grid = grid.float().flatten(0, 1)
    # Corner alignment differs from the grid's normalisation by half a cell; for LID that makes
    # bin i, whose centre is i + 0.5, fall on sample i, as published.
    sampled = F.grid_sample(volume, flat_grid, padding_mode='zeros', align_corners=False)
    prior = sampled.view(batch, views, 1, *shape).sum(1)
    if views == 1:
        return prior
    size = flat_grid.new_tensor([volume.shape[-1], volume.shape[-2], volume.shape[-3]])
    coverage = _coverage(flat_grid, size).view(batch, views, 1, *shape).sum(1)
    return torch.where(coverage > 0, prior / coverage.clamp_min(_SMALLEST_COVERAGE), prior)


def _coverage(grid: Tensor, size: Tensor) -> Tensor:
    """Return what trilinear sampling of an all-ones volume with zero padding would return."""
    position = ((grid + 1.0) * size - 1.0) / 2.0
    return torch.minimum(position + 1.0, size - position).clamp(0.0, 1.0).prod(-1)
