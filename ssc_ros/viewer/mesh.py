"""Turn voxels into a mesh of their exposed faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid

ValueT = TypeVar('ValueT', bound=np.generic)

# (spatial axis, towards the higher end) of each face direction.
DIRECTIONS = tuple((axis, is_high) for axis in range(3) for is_high in (False, True))
FACE_NORMALS = np.array(
    [[(1.0 if is_high else -1.0) * (axis == i) for i in range(3)] for axis, is_high in DIRECTIONS],
    np.float32)


def _face_corners(axis: int, is_high: bool) -> list[list[int]]:
    """Return the four corners of a unit cube's face, counter-clockwise seen from outside."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    corners = []
    for along_first, along_second in ((0, 0), (1, 0), (1, 1), (0, 1)):
        corner = [0, 0, 0]
        corner[axis] = int(is_high)
        corner[first], corner[second] = along_first, along_second
        corners.append(corner)
    # first x second = +axis, so the order turns outwards only on the high side.
    return corners if is_high else [corners[0], corners[3], corners[2], corners[1]]


FACE_CORNERS = np.array([_face_corners(*direction) for direction in DIRECTIONS], np.int32)


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
        pairs = first[:, None] + np.array([[0, 1, 2], [0, 2, 3]], np.int32)
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


def to_xyz(volume: NDArray[ValueT], grid: VoxelGrid) -> NDArray[ValueT]:
    """View an array of the grid's shape with its axes ordered x, y, z."""
    if volume.shape != grid.shape:
        raise DataError(f'the volume is {volume.shape} but the grid is {grid.shape}')
    return volume.transpose([grid.axes.index(axis) for axis in range(3)])


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
    shown = to_xyz(is_shown, grid)
    padded = np.pad(shown, 1)
    cells, directions = [], []
    for index, (axis, is_high) in enumerate(DIRECTIONS):
        neighbour = np.roll(padded, -1 if is_high else 1, axis)[1:-1, 1:-1, 1:-1]
        found = np.argwhere(shown & ~neighbour).astype(np.int32)
        cells.append(found)
        directions.append(np.full(len(found), index, np.uint8))
    face_cells, face_directions = np.concatenate(cells), np.concatenate(directions)
    x, y, z = face_cells.T
    return VoxelMesh(
        corners=face_cells[:, None] + FACE_CORNERS[face_directions],
        directions=face_directions,
        cells=face_cells,
        labels=to_xyz(labels, grid)[x, y, z].astype(np.uint8),
        grid=grid)
