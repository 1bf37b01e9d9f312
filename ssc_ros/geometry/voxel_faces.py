"""Faces of voxels: those that can be seen, and the few rectangles that cover them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid

ValueT = TypeVar('ValueT', bound=np.generic)
Integers = NDArray[np.int64]

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
FACE_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def to_xyz(volume: NDArray[ValueT], grid: VoxelGrid) -> NDArray[ValueT]:
    """View an array of the grid's shape with its axes ordered x, y, z."""
    if volume.shape != grid.shape:
        raise DataError(f'the volume is {volume.shape} but the grid is {grid.shape}')
    return volume.transpose([grid.axes.index(axis) for axis in range(3)])


def exposed_faces(is_shown: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """
    Find the faces of shown voxels towards hidden ones or the outside of the volume.

    Args:
        is_shown: (X, Y, Z), see ``to_xyz``.

    Returns:
        (F, 3) int32 x, y, z cell of the voxel that owns each face, and (F,) uint8 index into
        ``DIRECTIONS``, in which they are sorted.
    """
    flat = []
    for axis, is_high in DIRECTIONS:
        is_exposed = is_shown.copy()
        here: list[slice] = [slice(None)] * 3
        beside = here.copy()
        here[axis], beside[axis] = slice(None, -1), slice(1, None)
        if not is_high:
            here, beside = beside, here
        is_exposed[tuple(here)] &= ~is_shown[tuple(beside)]
        flat.append(np.flatnonzero(is_exposed))
    cells = np.array(np.unravel_index(np.concatenate(flat), is_shown.shape), np.int32)
    return cells.T, np.repeat(np.arange(6, dtype=np.uint8), [len(faces) for faces in flat])


@dataclass(frozen=True, slots=True, eq=False)
class Rectangles:
    """
    Coplanar faces of one value, merged.

    Attributes:
        cells: (R, 3) int64 lowest x, y, z cell.
        sizes: (R, 3) int64 number of cells along x, y, z; 1 along the normal.
        directions: (R,) uint8 index into ``DIRECTIONS``.
        values: (R,) uint8.
    """

    cells: Integers
    sizes: Integers
    directions: NDArray[np.uint8]
    values: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def corners(self) -> Integers:
        """(R, 4, 3) corners on the lattice, counter-clockwise seen from outside."""
        return self.cells[:, None] + FACE_CORNERS[self.directions] * self.sizes[:, None]


def merge_faces(
    cells: NDArray[np.int32], directions: NDArray[np.uint8], values: NDArray[np.uint8],
) -> Rectangles:
    """
    Cover faces by few rectangles: neighbours become rows, equal rows side by side rectangles.

    Args:
        cells, directions: as of ``exposed_faces``, in any order.
        values: (F,) of each face; only equal ones are merged.
    """
    axis = directions // 2
    x, y, z = cells.T.astype(np.int64)
    plane, row, column = (
        np.choose(axis, turned) for turned in ((x, y, z), (y, z, x), (z, x, y)))
    size = int(cells.max(initial=0)) + 1
    surface = (directions.astype(np.int64) * 256 + values) * size + plane
    first, width = _joined(surface * size + row, column, size)
    lowest, height = _joined(
        (surface[first] * size + column[first]) * (size + 1) + width, row[first], size)
    first, width = first[lowest], width[lowest]
    one, axis = np.ones_like(width), axis[first]
    sizes = np.stack([np.choose(axis, along) for along in (
        (one, width, height), (height, one, width), (width, height, one))], axis=1)
    return Rectangles(cells[first].astype(np.int64), sizes, directions[first], values[first])


def _joined(group: Integers, position: Integers, size: int) -> tuple[Integers, Integers]:
    """Return the first element of each run of positions below ``size`` in a group, and lengths."""
    # One number more than there are positions keeps the groups apart.
    order_of = group * (size + 1) + position
    order = np.argsort(order_of)
    places = order_of[order]
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    return order[starts], np.diff(starts, append=len(places))
