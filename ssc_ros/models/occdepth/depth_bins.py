"""Discretisation of depth into bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError

BinSpacing = Literal['lid', 'uniform', 'sid']


@dataclass(frozen=True, slots=True)
class DepthBins:
    """
    ``count`` bins between two depths in metres.

    Spacing: ``lid`` grows linearly with the index (CaDDN, CVPR 2021), ``uniform`` is constant,
    ``sid`` grows exponentially (DORN, CVPR 2018, shifted by 1 m).
    """

    spacing: BinSpacing
    min_m: float
    max_m: float
    count: int

    def __post_init__(self) -> None:
        if self.spacing not in ('lid', 'uniform', 'sid'):
            raise ConfigurationError(
                f'unknown depth bins {self.spacing!r}: choose lid, uniform or sid')
        if not 0 <= self.min_m < self.max_m or self.count < 1:
            raise ConfigurationError(
                f'depth bins need 0 <= min < max and count >= 1, got {self.min_m} m to '
                f'{self.max_m} m in {self.count}')

    def index(self, depth_m: ArrayLike) -> NDArray[np.float64]:
        """
        Return the continuous bin index; its floor is the bin, NaN lies before the first (LID).

        >>> DepthBins('lid', 2.0, 54.0, 104).index([2.0, 10.0, 54.0]).round(4).tolist()
        [0.0, 40.4909, 104.0]
        """
        depth = np.asarray(depth_m, np.float64)
        span = self.max_m - self.min_m
        index: NDArray[np.float64]
        with np.errstate(invalid='ignore', divide='ignore'):
            if self.spacing == 'uniform':
                index = (depth - self.min_m) / (span / self.count)
            elif self.spacing == 'sid':
                shifted = np.log1p(depth) - np.log1p(self.min_m)
                index = self.count * shifted / (np.log1p(self.max_m) - np.log1p(self.min_m))
            else:
                step = 2.0 * span / (self.count * (self.count + 1))
                index = -0.5 + 0.5 * np.sqrt(1.0 + 8.0 * (depth - self.min_m) / step)
        return index

    def edges_m(self) -> NDArray[np.float64]:
        """Return the count + 1 bin edges in metres."""
        position = np.arange(self.count + 1, dtype=np.float64)
        span = self.max_m - self.min_m
        if self.spacing == 'uniform':
            return self.min_m + span * position / self.count
        if self.spacing == 'sid':
            low, high = np.log1p(self.min_m), np.log1p(self.max_m)
            edges: NDArray[np.float64] = np.expm1(low + (high - low) * position / self.count)
            return edges
        return self.min_m + span * position * (position + 1) / (self.count * (self.count + 1))

    def centers_m(self) -> NDArray[np.float64]:
        """Return the middle of each bin in metres."""
        edges = self.edges_m()
        centers: NDArray[np.float64] = (edges[:-1] + edges[1:]) / 2
        return centers
