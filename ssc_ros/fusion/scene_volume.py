"""A fused volume as arrays: what files hold, chunks are cut from and networks read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.volume_grid import Shape, VolumeGrid

# What networks tell apart, and what files keep (SPSG, Dai et al., CVPR 2021).
TRUNCATION_VOXELS = 3.0
STORED_VOXELS = 6.0
SURFACE_VOXELS = 1.0

UNKNOWN = 2


@dataclass(frozen=True, slots=True, eq=False)
class SceneVolume:
    """
    A truncated signed distance and a colour per voxel.

    Attributes:
        tsdf_m: (Z, Y, X) float32 metres, positive in front of surfaces, negative behind them,
            -inf where nothing was measured.
        weight: (Z, Y, X) uint8 confidence, 0 where nothing was measured; 1 where a file that
            stores no weights has a value.
        rgb: (Z, Y, X, 3) uint8, 0 where nothing was measured.
    """

    grid: VolumeGrid
    tsdf_m: NDArray[np.float32]
    weight: NDArray[np.uint8]
    rgb: NDArray[np.uint8]

    def __post_init__(self) -> None:
        shape = self.grid.shape
        for name, expected in (('tsdf_m', shape), ('weight', shape), ('rgb', (*shape, 3))):
            if getattr(self, name).shape != expected:
                raise DataError(f'{name} is {getattr(self, name).shape}, expected {expected} as '
                                'the grid says')

    @property
    def tsdf_voxels(self) -> NDArray[np.float32]:
        """(Z, Y, X) float32 distances in voxels, -inf where nothing was measured."""
        return self.tsdf_m / np.float32(self.grid.voxel_size_m)

    @property
    def surface(self) -> NDArray[np.bool_]:
        """(Z, Y, X) voxels less than one voxel from a surface."""
        return np.abs(self.tsdf_voxels) < SURFACE_VOXELS

    @property
    def known(self) -> NDArray[np.uint8]:
        """(Z, Y, X) codes of ``known_codes``."""
        return known_codes(self.tsdf_voxels)

    def cropped(self, start: Shape, shape: Shape) -> SceneVolume:
        """Return the part that starts at voxel (z, y, x), unobserved where it lies outside."""
        return SceneVolume(
            self.grid.cropped(start, shape), _cropped(self.tsdf_m, start, shape, -np.inf),
            _cropped(self.weight, start, shape, 0), _cropped(self.rgb, start, shape, 0))

    def network_input(self) -> NDArray[np.float32]:
        """
        Return what a completion network reads of the volume.

        Distances beyond what files keep count as not observed, so that a volume gives the same
        before and after it was stored.

        Returns:
            (5, Z, Y, X) float32: distance in voxels within [-3, 3] (-3 where not observed), red,
            green and blue within [0, 1], and 1 where observed.
        """
        tsdf = self.tsdf_voxels
        observed = np.abs(tsdf) <= STORED_VOXELS
        channels = np.empty((5, *self.grid.shape), np.float32)
        limit = TRUNCATION_VOXELS
        channels[0] = np.where(observed, np.clip(tsdf, -limit, limit), -limit)
        channels[1:4] = np.where(observed, np.moveaxis(self.rgb, -1, 0) / np.float32(255), 0)
        channels[4] = observed
        return channels


def known_codes(tsdf_voxels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """
    Return 0 in free space, 1 within a voxel of a surface and 2 or more where nothing is known.

    Behind surfaces the code grows with the distance; where nothing was measured (-inf) it is 2.
    Losses and scores count codes of at most 1.

    >>> known_codes(np.array([2.0, 1.0, -1.0, -1.5, -2.0, -np.inf], np.float32)).tolist()
    [0, 1, 1, 2, 3, 2]
    """
    behind = np.where(np.isfinite(tsdf_voxels), np.floor(-tsdf_voxels) + 1, UNKNOWN)
    codes = np.clip(behind, UNKNOWN, 255).astype(np.uint8)
    codes[tsdf_voxels >= -SURFACE_VOXELS] = 1
    codes[tsdf_voxels > SURFACE_VOXELS] = 0
    return codes


def _cropped(volume: NDArray[Any], start: Shape, shape: Shape, outside: float) -> NDArray[Any]:
    result = np.full((*shape, *volume.shape[3:]), outside, volume.dtype)
    source, target = [], []
    for first, length, available in zip(start, shape, volume.shape, strict=False):
        low, high = max(first, 0), max(min(first + length, available), 0)
        source.append(slice(low, max(high, low)))
        target.append(slice(low - first, max(high, low) - first))
    result[tuple(target)] = volume[tuple(source)]
    return result
