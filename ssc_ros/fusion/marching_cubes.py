"""
Surfaces of constant value in a volume (Lorensen and Cline, SIGGRAPH 1987).

The table of cases is derived, not listed: around every face of a cube, each run of inside corners
is cut off by one segment. Neighbouring cubes see the same runs on the face they share, so that
the surface has no cracks, and the segments of a cube join into closed polygons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

# Corner i of a cube lies at x = bit 0, y = bit 1, z = bit 2. Edges run along an axis from the
# corner where its bit is 0.
EDGES = tuple((corner, axis) for axis in range(3) for corner in range(8)
              if not corner >> axis & 1)


@dataclass(frozen=True, slots=True, eq=False)
class Isosurface:
    """
    Triangles whose vertices lie on edges between neighbouring voxels.

    Attributes:
        first, second: (V, 3) int32 voxels z, y, x at both ends of a vertex's edge.
        share: (V,) float32 of the way from the first to the second.
        faces: (F, 3) int32 vertices, counter-clockwise seen from where values are positive in
            a right-handed x, y, z.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    share: NDArray[np.float32]
    faces: NDArray[np.int32]

    @property
    def vertices(self) -> NDArray[np.float32]:
        """(V, 3) float32 x, y, z in voxels, integers at voxel centres."""
        offset = (self.second - self.first) * self.share[:, None]
        return (self.first + offset)[:, ::-1].astype(np.float32)

    def interpolated(self, volume: NDArray[Any]) -> NDArray[np.float32]:
        """Return the values (V, ...) at the vertices of a volume (Z, Y, X, ...)."""
        low, high = (volume[tuple(ends.T)].astype(np.float32)
                     for ends in (self.first, self.second))
        share = self.share.reshape(-1, *[1] * (low.ndim - 1))
        return cast('NDArray[np.float32]', low + (high - low) * share)

    def nearest(self, volume: NDArray[Any]) -> NDArray[Any]:
        """Return the values (V, ...) at the voxels nearest to the vertices."""
        nearer = np.where(self.share[:, None] < 0.5, self.first, self.second)
        return cast('NDArray[Any]', volume[tuple(nearer.T)])


def isosurface(values: NDArray[np.float32], max_magnitude: float = np.inf) -> Isosurface:
    """
    Return where values are 0.

    Args:
        values: (Z, Y, X) negative inside matter; not finite where unknown.
        max_magnitude: cells with a corner of this magnitude or more have no surface.
    """
    cells, cases = _crossed_cells(values, max_magnitude)
    table, counts = triangle_table()
    triangles = counts[cases]
    of_triangle = np.repeat(np.arange(len(cells)), triangles)
    number = np.arange(len(of_triangle)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    edges = table[cases[of_triangle], number]  # (F, 3)
    corner, axis = np.array(EDGES).T
    offset = np.stack([corner >> 2 & 1, corner >> 1 & 1, corner & 1], axis=1)
    voxels = cells[of_triangle][:, None] + offset[edges]
    flat = np.ravel_multi_index(tuple(np.moveaxis(voxels, -1, 0)), values.shape)
    unique, faces = np.unique(flat * 3 + axis[edges], return_inverse=True)
    first = np.stack(np.unravel_index(unique // 3, values.shape), axis=1)
    second = first + np.eye(3, dtype=np.int64)[2 - unique % 3]
    low, high = values[tuple(first.T)], values[tuple(second.T)]
    return Isosurface(first.astype(np.int32), second.astype(np.int32),
                      np.asarray(low / (low - high), np.float32),
                      faces.reshape(-1, 3).astype(np.int32))


def _crossed_cells(
    values: NDArray[np.float32], max_magnitude: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (N, 3) cells z, y, x with a surface and their cases."""
    is_inside = values < 0
    # NaN is not less than anything.
    is_valid = (np.abs(values) < max_magnitude) & np.isfinite(values)
    shape = tuple(length - 1 for length in values.shape)
    cases, is_usable = np.zeros(shape, np.uint8), np.ones(shape, np.bool_)
    for corner in range(8):
        part = tuple(slice(corner >> bit & 1, length + (corner >> bit & 1))
                     for bit, length in zip((2, 1, 0), shape, strict=True))
        cases |= is_inside[part].astype(np.uint8) << np.uint8(corner)
        is_usable &= is_valid[part]
    # Case 0 wraps around to 255.
    cells = np.argwhere(is_usable & (cases - np.uint8(1) < 254))
    return cells, cases[tuple(cells.T)].astype(np.int64)


@lru_cache(maxsize=1)
def triangle_table() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (256, n, 3) edges of the triangles of each case, and (256,) how many there are."""
    cases = [_triangles(case) for case in range(256)]
    counts = np.array([len(triangles) for triangles in cases])
    table = np.zeros((256, counts.max(), 3), np.int64)
    for case, triangles in enumerate(cases):
        table[case, :len(triangles)] = np.array(triangles).reshape(-1, 3)
    return table, counts


def _triangles(case: int) -> list[tuple[int, int, int]]:
    """Return the edges of the triangles of a cube whose inside corners are bits of ``case``."""
    following = dict(segment for axis in range(3) for high in (0, 1)
                     for segment in _segments(case, axis, high))
    triangles = []
    while following:
        start, edge = following.popitem()
        polygon = [start]
        while edge != start:
            polygon.append(edge)
            edge = following.pop(edge)
        triangles += [(polygon[0], second, third)
                      for second, third in pairwise(polygon[1:])]
    return triangles


def _segments(case: int, axis: int, high: int) -> list[tuple[int, int]]:
    """Return (from, to) edges of the segments on one face of a cube."""
    across, along = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
    base = high << axis
    corners = [base, base | across, base | across | along, base | along]
    if not high:
        corners.reverse()  # counter-clockwise seen from outside the cube
    inside = [bool(case >> corner & 1) for corner in corners]
    segments = []
    for entry in range(4):
        if not inside[entry] and inside[(entry + 1) % 4]:
            leave = next(k % 4 for k in range(entry + 1, entry + 5)
                         if inside[k % 4] and not inside[(k + 1) % 4])
            segments.append((_edge(corners, entry), _edge(corners, leave)))
    return segments


def _edge(corners: list[int], start: int) -> int:
    """Return the edge from a corner of a face to the next."""
    low, high = sorted((corners[start], corners[(start + 1) % 4]))
    return EDGES.index((low, (high - low).bit_length() - 1))
