"""Voxel grids: where each cell of a label array lies in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError

AxisOrder = Literal['xyz', 'xzy']


@dataclass(frozen=True, slots=True)
class VoxelGrid:
    """
    A box of cubic voxels in a metric frame.

    Attributes:
        origin_m: minimum corner (x, y, z).
        voxel_size_m: edge of a voxel.
        shape: dimensions of the label array, in array axis order.
        axis_order: which spatial axis each array axis runs along: ``xyz`` (SemanticKITTI) or
            ``xzy`` (NYUv2: x, up, forward).
    """

    origin_m: tuple[float, float, float]
    voxel_size_m: float
    shape: tuple[int, int, int]
    axis_order: AxisOrder = 'xyz'

    def __post_init__(self) -> None:
        if not np.isfinite(self.origin_m).all() or not self.voxel_size_m > 0:
            raise ConfigurationError(
                f'grid origin {self.origin_m} and voxel size {self.voxel_size_m} must be finite, '
                'the size positive')
        if min(self.shape) < 1 or self.axis_order not in ('xyz', 'xzy'):
            raise ConfigurationError(
                f'grid shape {self.shape} must be positive and axis_order '
                f'{self.axis_order!r} one of xyz, xzy')

    @classmethod
    def around(cls, centers: ArrayLike, voxel_size_m: float) -> VoxelGrid:
        """
        Return the smallest grid whose voxels have the given (N, 3) centres, or one voxel for none.

        >>> VoxelGrid.around([[0.5, 0.5, 0.5], [2.5, 0.5, 1.5]], 1.0).shape
        (3, 1, 2)
        """
        points = np.asarray(centers, np.float64).reshape(-1, 3)
        if not len(points):
            points = np.zeros((1, 3))
        low, high = points.min(axis=0), points.max(axis=0)
        x, y, z = (int(length) for length in np.rint((high - low) / voxel_size_m) + 1)
        corner_x, corner_y, corner_z = (low - voxel_size_m / 2).tolist()
        return cls((corner_x, corner_y, corner_z), voxel_size_m, (x, y, z))

    @property
    def num_voxels(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))

    @property
    def axes(self) -> tuple[int, int, int]:
        """Spatial axis (0 = x, 1 = y, 2 = z) of each array axis."""
        return (0, 2, 1) if self.axis_order == 'xzy' else (0, 1, 2)

    @property
    def extent_m(self) -> tuple[float, float, float]:
        """Size of the box along x, y and z."""
        x, y, z = (self.shape[self.axes.index(axis)] * self.voxel_size_m for axis in range(3))
        return x, y, z

    def coarsened(self, factor: int) -> VoxelGrid:
        """Return the same box with voxels ``factor`` times as long."""
        if any(length % factor for length in self.shape):
            raise ConfigurationError(f'grid {self.shape} cannot be divided by {factor}')
        x, y, z = (length // factor for length in self.shape)
        return VoxelGrid(self.origin_m, self.voxel_size_m * factor, (x, y, z), self.axis_order)

    def centers(self) -> NDArray[np.float64]:
        """
        Return the voxel centres as (N, 3) columns x, y, z in metres, in C order of the array.

        >>> VoxelGrid((0.0, 0.0, 0.0), 1.0, (1, 1, 2), 'xzy').centers().tolist()
        [[0.5, 0.5, 0.5], [0.5, 1.5, 0.5]]
        """
        indices = np.indices(self.shape).reshape(3, -1)
        return self.index_to_point(indices.T)

    def index_to_point(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Return the centres (N, 3) in x, y, z of (N, 3) array indices."""
        spatial = np.asarray(indices)[:, self.axes]
        points: NDArray[np.float64] = (
            np.asarray(self.origin_m) + self.voxel_size_m * (spatial + 0.5))
        return points

    def point_to_index(self, points: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """
        Find the cell of each point.

        Args:
            points: (N, 3) x, y, z in the grid's frame, metres.

        Returns:
            (N, 3) int64 array indices (meaningful only inside) and (N,) bool inside.
        """
        cells = np.floor((np.asarray(points) - np.asarray(self.origin_m)) / self.voxel_size_m)
        is_finite = np.isfinite(cells).all(axis=1)
        indices = np.where(is_finite[:, None], cells, -1).astype(np.int64)[:, self.axes]
        is_inside: NDArray[np.bool_] = np.all(
            (indices >= 0) & (indices < np.asarray(self.shape)), axis=1)
        return indices, is_inside
