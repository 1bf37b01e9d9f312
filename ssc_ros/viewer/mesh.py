"""Turn voxels into a mesh of their exposed faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.voxel_faces import (
    FACE_CORNERS,
    FACE_NORMALS,
    FACE_TRIANGLES,
    exposed_faces,
    to_xyz,
)

ValueT = TypeVar('ValueT', bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class VoxelMesh:
    """
    Exposed voxel faces; four vertices a face, none shared, so that every face can be coloured.

    Attributes:
        corners: (F, 4, 3) int32 face corners on the grid lattice, in cells along x, y, z,
            counter-clockwise seen from outside.
        directions: (F,) uint8 index into ``FACE_NORMALS``.
        cells: (F, 3) int32 x, y, z cell of the voxel that owns the face.
        labels: (F,) uint8 label of that voxel.
        grid: the grid the lattice belongs to.
    """

    corners: NDArray[np.int32]
    directions: NDArray[np.uint8]
    cells: NDArray[np.int32]
    labels: NDArray[np.uint8]
    grid: VoxelGrid

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def vertices(self) -> NDArray[np.float32]:
        """(4F, 3) corners in the grid's frame, metres."""
        points = self.corners.reshape(-1, 3) * self.grid.voxel_size_m + self.grid.origin_m
        return points.astype(np.float32)

    @property
    def triangles(self) -> NDArray[np.int32]:
        """(2F, 3) vertex indices; triangles 2f and 2f + 1 make face f."""
        first = 4 * np.arange(len(self), dtype=np.int32)[:, None]
        pairs = first[:, None] + FACE_TRIANGLES
        return pairs.reshape(-1, 3)

    @property
    def normals(self) -> NDArray[np.float32]:
        """(F, 3) outward unit normals."""
        return FACE_NORMALS[self.directions]

    def values_of(self, volume: NDArray[ValueT]) -> NDArray[ValueT]:
        """Return (F,) the value of each face's voxel in an array of the grid's shape."""
        x, y, z = self.cells.T
        values: NDArray[ValueT] = to_xyz(volume, self.grid)[x, y, z]
        return values


def voxel_mesh(
    labels: NDArray[np.uint8], grid: VoxelGrid, is_shown: NDArray[np.bool_],
) -> VoxelMesh:
    """
    Mesh the shown voxels: every face towards a hidden voxel or the outside of the grid.

    Args:
        labels: array of the grid's shape.
        is_shown: same shape; choose it from labels, observation or a cut through the room.

    >>> grid = VoxelGrid((0.0, 0.0, 0.0), 0.5, (2, 1, 1))
    >>> len(voxel_mesh(np.ones(grid.shape, np.uint8), grid, np.ones(grid.shape, bool)))
    10
    """
    cells, directions = exposed_faces(to_xyz(is_shown, grid))
    x, y, z = cells.T
    return VoxelMesh(
        corners=cells[:, None] + FACE_CORNERS[directions], directions=directions, cells=cells,
        labels=to_xyz(labels, grid)[x, y, z].astype(np.uint8), grid=grid)
