"""A box of voxels fixed to the world that moves along with the robot in whole voxels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid, transform_points

# The window moves in steps of so many voxels, so that most frames move nothing.
STEP_CELLS = 8

Indices = NDArray[np.intp]


class RollingWindow:
    """
    Where the cells of the world are kept in flat arrays of constant size.

    Cell (i, j, k) holds the points with floor((x - origin x) / voxel size) = i and so on. It is
    kept at its numbers modulo the shape: what stays within the window never moves in memory.

    Args:
        shape: (X, Y, Z) cells.
        voxel_size_m: edge of a cell.
        lowest_z_m: bottom of the window; it moves along x and y only.
        origin_m: (x, y, z) lowest corner of cell (0, 0, 0).

    Attributes:
        first_cell: (3,) int64, the cell at the lowest corner.
    """

    def __init__(
        self, shape: tuple[int, int, int], voxel_size_m: float, lowest_z_m: float = 0.0,
        origin_m: ArrayLike = (0.0, 0.0, 0.0),
    ) -> None:
        if min(shape) < 1 or not voxel_size_m > 0:
            raise ConfigurationError(
                f'window of {shape} cells of {voxel_size_m} m: all must be positive')
        self.shape = shape
        self.voxel_size_m = voxel_size_m
        self.origin_m = np.array(origin_m, np.float64)
        lowest = np.floor((lowest_z_m - self.origin_m[2]) / voxel_size_m + 1e-6)
        self.first_cell = np.array([-(shape[0] // 2), -(shape[1] // 2), lowest], np.int64)

    @property
    def num_cells(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))

    def centre_on(self, cell: NDArray[np.int64]) -> None:
        """Jump with the middle to a cell along x and y; everything kept loses its meaning."""
        self.first_cell[:2] = cell[:2] - np.array(self.shape[:2]) // 2

    def move_over(self, point_m: ArrayLike) -> list[tuple[int, Indices]]:
        """
        Move the middle over a point of the world, up to STEP_CELLS voxels beside it.

        Returns:
            which positions of which array axis now hold other cells and must be cleared.
        """
        middle = self.cells_of(np.asarray(point_m)[None])[0, :2]
        wanted = middle - np.array(self.shape[:2]) // 2
        offset = wanted - self.first_cell[:2]
        steps = (np.trunc(offset / STEP_CELLS) * STEP_CELLS).astype(np.int64)
        left = []
        for axis, step in enumerate(steps.tolist()):
            if step:
                left.append((axis, self._positions_left(axis, step)))
                self.first_cell[axis] += step
        return left

    def _positions_left(self, axis: int, step: int) -> Indices:
        """Return where the cells are kept that fall off when the window moves by ``step``."""
        length, first = self.shape[axis], int(self.first_cell[axis])
        count = min(abs(step), length)
        start = first if step > 0 else first + length - count
        return np.arange(start, start + count) % length

    def contains(self, cells: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of (N, 3) cells lie within the window."""
        relative = cells - self.first_cell
        is_inside: NDArray[np.bool_] = np.all(
            (relative >= 0) & (relative < np.array(self.shape)), axis=1)
        return is_inside

    def flat_index(self, cells: NDArray[np.int64]) -> Indices:
        """Return where (N, 3) cells of the window are kept."""
        i, j, k = (np.mod(cells[:, axis], self.shape[axis]) for axis in range(3))
        index: Indices = ((i * self.shape[1] + j) * self.shape[2] + k).astype(np.intp)
        return index

    def cells_at(self, index: Indices) -> NDArray[np.int64]:
        """Return the (N, 3) cells that are kept at flat positions."""
        kept = np.stack(np.unravel_index(index, self.shape), axis=1)
        cells: NDArray[np.int64] = self.first_cell + np.mod(
            kept - self.first_cell, np.array(self.shape))
        return cells

    def cells_of(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the (N, 3) cells of points in the world, metres."""
        return np.floor((points - self.origin_m) / self.voxel_size_m).astype(np.int64)

    def centers(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the (N, 3) centres of cells in the world, metres."""
        return self.origin_m + (cells.astype(np.float64) + 0.5) * self.voxel_size_m

    def covered_by(
        self, grid: VoxelGrid, T_world_voxel: NDArray[np.float64],
    ) -> tuple[Indices, Indices]:
        """
        Find the cells whose centre lies in a voxel box, each with the voxel it lies in.

        Going from cells to voxels, not back, gives every cell of a turned box exactly one vote.

        Returns:
            (N,) flat positions in the window and (N,) flat positions in the box's label array.
        """
        low, shape = self._cells_around(grid, T_world_voxel)
        if not shape.all():
            return np.empty(0, np.intp), np.empty(0, np.intp)
        voxel = np.zeros(tuple(shape), np.int32)
        is_inside = np.ones(tuple(shape), np.bool_)
        for position, length in zip(
                self._positions(grid, T_world_voxel, low, shape), grid.shape, strict=True):
            is_inside &= (position >= 0) & (position < length)
            voxel *= length
            # Truncation is the floor of what is not negative; the rest is outside anyway.
            voxel += position.astype(np.int32)
        inside = np.flatnonzero(is_inside)
        return self._flat_box(low, shape).reshape(-1)[inside], voxel.reshape(-1)[inside]

    def _cells_around(
        self, grid: VoxelGrid, T_world_voxel: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return first cell and shape of what the window shares with the box's bounds."""
        corners = np.asarray(grid.origin_m) + np.asarray(grid.extent_m) * (
            np.indices((2, 2, 2)).reshape(3, -1).T)
        corner_cells = self.cells_of(transform_points(T_world_voxel, corners))
        low = np.maximum(corner_cells.min(axis=0), self.first_cell)
        high = np.minimum(
            corner_cells.max(axis=0) + 1, self.first_cell + np.array(self.shape))
        return low, np.maximum(high - low, 0)

    def _positions(
        self, grid: VoxelGrid, T_world_voxel: NDArray[np.float64], low: NDArray[np.int64],
        shape: NDArray[np.int64],
    ) -> Iterator[NDArray[np.float32]]:
        """Yield along every axis of the label array where the cells lie, in voxels."""
        T_voxel_world = inverse_rigid(T_world_voxel)
        first = transform_points(T_voxel_world, self.centers(low[None]))[0]
        start = (first - grid.origin_m) / grid.voxel_size_m
        scale = self.voxel_size_m / grid.voxel_size_m
        for axis in grid.axes:
            # Positions are linear in the cell's numbers: a sum of three short vectors.
            x, y, z = ((T_voxel_world[axis, i] * scale * np.arange(shape[i])).astype(np.float32)
                       for i in range(3))
            yield (np.float32(start[axis]) + x[:, None, None] + y[:, None]) + z

    def _flat_box(self, low: NDArray[np.int64], shape: NDArray[np.int64]) -> Indices:
        i, j, k = (np.arange(first, first + length) % size for first, length, size in zip(
            low.tolist(), shape.tolist(), self.shape, strict=True))
        rows = (i[:, None] * self.shape[1] + j) * self.shape[2]
        index: Indices = rows[:, :, None] + k
        return index
