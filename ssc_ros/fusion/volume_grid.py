"""Where the voxels of a fused volume lie in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.transforms import transform_points

VOXEL_SIZE_M = 0.02
# Voxels around the bounding box of a room along x, y and z; the floor lies 3 voxels above the
# base, and networks learn that (SPSG, Dai et al., CVPR 2021).
PADDING_XYZ = (6, 6, 3)

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class VolumeGrid:
    """
    Voxels of a volume whose arrays run along z (up), y and x.

    The grid's frame has the axes x, y, z, the unit of one voxel and its integers at voxel
    centres: the point (x, y, z) is the centre of ``array[z, y, x]``.

    Attributes:
        shape: (Z, Y, X) number of voxels.
        voxel_size_m: edge of a voxel.
        T_grid_world: (4, 4) float64, from metres in the world (z up) into the grid's frame; it
            scales by 1 / voxel_size_m.
    """

    shape: Shape
    voxel_size_m: float
    T_grid_world: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1 or not self.voxel_size_m > 0:
            raise ConfigurationError(
                f'grid shape {self.shape} and voxel size {self.voxel_size_m} must be positive, '
                'the shape (Z, Y, X)')
        matrix = np.asarray(self.T_grid_world)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise ConfigurationError(
                f'T_grid_world is {matrix.shape}, expected a finite (4, 4) matrix')

    @classmethod
    def around(
        cls, low_m: ArrayLike, high_m: ArrayLike, *, voxel_size_m: float = VOXEL_SIZE_M,
        padding_xyz: Shape = PADDING_XYZ,
    ) -> VolumeGrid:
        """
        Return the padded grid of a box in the world.

        Args:
            low_m, high_m: (x, y, z) corners of the box; its lower end is the floor.
            padding_xyz: voxels to add at either end.

        >>> VolumeGrid.around((0, 0, 0), (1, 2, 3)).shape
        (156, 112, 62)
        """
        low, high = np.asarray(low_m, np.float64), np.asarray(high_m, np.float64)
        if not np.all(high > low):
            raise ConfigurationError(f'box from {low} to {high} m is empty')
        padding = np.asarray(padding_xyz)
        x, y, z = (np.rint((high - low) / voxel_size_m).astype(int) + 2 * padding).tolist()
        matrix = np.diag([1 / voxel_size_m] * 3 + [1.0])
        matrix[:3, 3] = padding - low / voxel_size_m
        return cls((z, y, x), voxel_size_m, matrix)

    @classmethod
    def around_points(
        cls, points_world: ArrayLike, *, percentiles: tuple[float, float] = (0.5, 99.5),
        voxel_size_m: float = VOXEL_SIZE_M, padding_xyz: Shape = PADDING_XYZ,
    ) -> VolumeGrid:
        """Return the padded grid of (N, 3) measured points in metres, without stray ones."""
        points = np.asarray(points_world, np.float64)
        if not len(points):
            raise ConfigurationError('no point to lay a grid around: is all depth missing?')
        low, high = np.percentile(points, percentiles, axis=0)
        return cls.around(
            low, high, voxel_size_m=voxel_size_m, padding_xyz=padding_xyz)

    @property
    def num_voxels(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    @property
    def T_world_grid(self) -> NDArray[np.float64]:
        """(4, 4) from the grid's frame, in voxels, into metres in the world."""
        inverse: NDArray[np.float64] = np.linalg.inv(self.T_grid_world.astype(np.float64))
        return inverse

    def to_grid(self, points_world: ArrayLike) -> NDArray[np.float64]:
        """Map (N, 3) points in metres into the grid's frame."""
        return transform_points(self.T_grid_world, points_world)

    def to_world(self, points_grid: ArrayLike) -> NDArray[np.float64]:
        """Map (N, 3) points x, y, z of the grid's frame into metres in the world."""
        return transform_points(self.T_world_grid, points_grid)

    def cropped(self, start: Shape, shape: Shape) -> VolumeGrid:
        """Return the part that starts at voxel (z, y, x); it may reach beyond the grid."""
        shift = np.eye(4)
        shift[:3, 3] = -np.asarray(start[::-1])
        return VolumeGrid(shape, self.voxel_size_m, shift @ self.T_grid_world)
