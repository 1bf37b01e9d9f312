"""Exact voxel truth of a scene: labels from 0.02 m cells, and what the camera could know."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.projection import project_voxels, unproject_depth
from ssc_ros.geometry.transforms import inverse_rigid, transform_points

from .shell import SHELL_M
from .solids import BOX, ELLIPSOID, MESH, Solid

FACTOR = 4  # 0.02 m cells per 0.08 m voxel and axis
IGNORE = 255
# A voxel is empty (or outside) when more than this share of its cells is (SSCNet, 2017).
EMPTY_SHARE = 0.95
NOT_IN_VIEW, FREE, SURFACE, OCCLUDED, OUTSIDE = range(5)
_SURFACE_NUDGE_M = 0.01

Labels = NDArray[np.uint8]


def fine_labels(solids: Sequence[Solid], size: tuple[float, float, float], grid: VoxelGrid,
                T_world_voxel: NDArray[np.float64]) -> Labels:
    """
    Label the cells of a fine (x, up, y) grid by the solid their centre lies in, the last wins.

    Solid interiors count as occupied, hidden space included; 255 outside the outer faces of the
    shell. T_world_voxel must be a turn about z and a shift, as both frames are level.
    """
    yaw = math.atan2(T_world_voxel[1, 0], T_world_voxel[0, 0])
    T_voxel_world = inverse_rigid(T_world_voxel)
    labels = np.full(grid.shape, IGNORE, np.uint8)
    hull = (size[0] / 2 + SHELL_M, size[1] / 2 + SHELL_M, size[2] / 2 + SHELL_M)
    painter = _Painter(labels, grid)
    painter.fill(BOX, T_voxel_world[:3, :3] @ [0, 0, size[2] / 2] + T_voxel_world[:3, 3], hull,
                 -yaw, 0)
    centers = transform_points(T_voxel_world, [solid.center for solid in solids])
    for solid, center in zip(solids, centers, strict=True):
        if solid.kind != MESH:
            painter.fill(solid.kind, center, solid.half, solid.yaw - yaw, solid.label)
        elif solid.model is not None and solid.model.cells is not None:
            painter.fill_cells(solid.model.cells, center, solid.half, solid.yaw - yaw,
                               solid.label)
    return labels


class _Painter:
    """Fills upright solids into an (x, up, y) label array, column by column."""

    def __init__(self, labels: Labels, grid: VoxelGrid) -> None:
        self._labels, self._step = labels, grid.voxel_size_m
        self._origin = grid.origin_m
        x, z, y = (np.arange(length) + 0.5 for length in grid.shape)
        self._x, self._y, self._z = (
            axis * self._step + start
            for axis, start in zip((x, y, z), grid.origin_m, strict=True))

    def _range(self, axis: NDArray[np.float64], low: float, high: float) -> slice:
        first, last = np.searchsorted(axis, [low, high])
        return slice(int(first), int(last))

    def _footprint(
        self, center: NDArray[np.float64], half: tuple[float, float, float], yaw: float,
    ) -> tuple[tuple[slice, slice, slice], NDArray[np.float64], NDArray[np.float64]]:
        """Return the cells around a turned solid and their (x, y) places in it, -1..1 inside."""
        cos, sin = math.cos(yaw), math.sin(yaw)
        reach_x = abs(cos) * half[0] + abs(sin) * half[1]
        reach_y = abs(sin) * half[0] + abs(cos) * half[1]
        window = tuple(
            self._range(axis, middle - reach, middle + reach) for axis, middle, reach in zip(
                (self._x, self._y, self._z), center, (reach_x, reach_y, half[2]), strict=True))
        dx, dy = self._x[window[0], None] - center[0], self._y[None, window[1]] - center[1]
        return window, (cos * dx + sin * dy) / half[0], (cos * dy - sin * dx) / half[1]

    def fill(self, kind: int, center: NDArray[np.float64], half: tuple[float, float, float],
             yaw: float, label: int) -> None:
        """Write one solid; a cell belongs to it when its centre does."""
        (xs, ys, zs), a, b = self._footprint(center, half, yaw)
        window = self._labels[xs, zs, ys]
        if kind == BOX:
            inside = (np.abs(a) <= 1) & (np.abs(b) <= 1)
            np.copyto(window, np.uint8(label), where=inside[:, None, :])
            return
        square = a * a + b * b
        if kind == ELLIPSOID:
            c = (self._z[zs] - center[2]) / half[2]
            solid = square[:, None, :] + (c * c)[None, :, None] <= 1
            np.copyto(window, np.uint8(label), where=solid)
        else:
            np.copyto(window, np.uint8(label), where=(square <= 1)[:, None, :])

    def fill_cells(self, cells: NDArray[np.bool_], center: NDArray[np.float64],
                   half: tuple[float, float, float], yaw: float, label: int) -> None:
        """Write a model from its own (x, y, z) occupancy, cell by nearest cell."""
        (xs, ys, zs), a, b = self._footprint(center, half, yaw)
        c = (self._z[zs] - center[2]) / half[2]
        i, j, k = (np.floor((part + 1) / 2 * length).astype(int)
                   for part, length in zip((a, b, c), cells.shape, strict=True))
        inside = (i >= 0) & (i < cells.shape[0]) & (j >= 0) & (j < cells.shape[1])
        columns = cells[np.where(inside, i, 0), np.where(inside, j, 0)] & inside[..., None]
        solid = columns[:, :, np.clip(k, 0, cells.shape[2] - 1)].transpose(0, 2, 1)
        np.copyto(self._labels[xs, zs, ys], np.uint8(label), where=solid)


def reduce_labels(fine: Labels, factor: int = FACTOR, empty_share: float = EMPTY_SHARE) -> Labels:
    """
    Vote fine cells into voxels the way SSCNet made the NYU labels.

    More than 95 % empty or outside cells: the most frequent of all values; else the most frequent
    occupied class. Ties go to the smaller id.
    """
    a, b, c = (length // factor for length in fine.shape)
    blocks = fine.reshape(a, factor, b, factor, c, factor).transpose(0, 2, 4, 1, 3, 5)
    blocks = blocks.reshape(a * b * c, factor ** 3)
    result = blocks[:, 0].copy()
    mixed = np.flatnonzero((blocks != blocks[:, :1]).any(axis=1))
    cells = np.minimum(blocks[mixed], 15)  # 255 becomes 15: classes reach 11
    counts = np.bincount((np.arange(len(mixed))[:, None] * 16 + cells).ravel(),
                         minlength=len(mixed) * 16).reshape(-1, 16)
    nothing = counts[:, 0] + counts[:, 15] > empty_share * factor ** 3
    winner = np.where(nothing, counts.argmax(axis=1), counts[:, 1:15].argmax(axis=1) + 1)
    result[mixed] = np.where(winner == 15, IGNORE, winner)
    return result.reshape(a, b, c)


def voxel_labels(solids: Sequence[Solid], size: tuple[float, float, float],
                 placement: BoxPlacement, T_world_camera: NDArray[np.float64]) -> Labels:
    """Return the (60, 36, 60) labels of the camera's NYU box; 0 = empty, 255 = outside."""
    grid = placement.grid
    x, y, z = (length * FACTOR for length in grid.shape)
    fine_grid = VoxelGrid(grid.origin_m, grid.voxel_size_m / FACTOR, (x, y, z), grid.axis_order)
    T_world_voxel = T_world_camera @ placement.T_camera_voxel
    return reduce_labels(fine_labels(solids, size, fine_grid, T_world_voxel))


def occlusion_codes(labels: Labels, depth_m: NDArray[np.float32], camera: PinholeCamera,
                    placement: BoxPlacement) -> Labels:
    """
    Tell for each voxel what an exact depth camera knows about it.

    0 = not in view, 1 = observed free, 2 = a measured ray ends in it, 3 = occluded,
    4 = outside the room (label 255). Free and occluded follow the voxel's centre.
    """
    table = project_voxels(placement.grid, placement.T_camera_voxel, camera)
    codes = np.full(placement.grid.num_voxels, NOT_IN_VIEW, np.uint8)
    u, v = table.pixels[table.in_view].T
    measured = depth_m[v, u]
    codes[table.in_view] = np.where(table.depth_m[table.in_view] < measured, FREE, OCCLUDED)
    nudged = np.where(depth_m > 0, depth_m + np.float32(_SURFACE_NUDGE_M), 0).astype(np.float32)
    points = unproject_depth(nudged, camera).reshape(-1, 3)
    T_voxel_camera = inverse_rigid(placement.T_camera_voxel)
    index, inside = placement.grid.point_to_index(transform_points(T_voxel_camera, points))
    codes[np.ravel_multi_index(tuple(index[inside].T), placement.grid.shape)] = SURFACE
    codes[labels.ravel() == IGNORE] = OUTSIDE
    return codes.reshape(placement.grid.shape)
