"""What one depth image says about the cells of a fine grid, cell by cell and block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.geometry.tsdf_distance import Cells

MIXED = 2

TILE_PIXELS = 8
MIN_Z_M = 1e-3
# Room for rounding in single precision; it only makes more blocks mixed.
PIXEL_MARGIN = 0.02
DEPTH_MARGIN_M = 1e-3
# Each is at most twice one before it.
WINDOW_TILES = (1, 2, 3, 4, 5, 6, 8, 12)
NO_DEPTH = -1e30
# As many as keep the temporaries of their pixels in the cache.
ROWS_AT_A_TIME = 24

Range = tuple[NDArray[np.float32], NDArray[np.float32]]


def measured_cells(
    depth_m: NDArray[Any], camera: PinholeCamera, grid: VoxelGrid,
    T_camera_voxel: NDArray[np.float64],
) -> tuple[Cells, NDArray[np.int64]]:
    """
    Return the cells in which measurements lie and their pixels, in reading order.

    Args:
        depth_m: (H, W) metres; not positive or not finite = missing.

    Returns:
        Three (n,) int32 arrays of cell indices and (n,) flat pixel indices.
    """
    column = (np.arange(camera.width) - camera.cx) / camera.fx
    row = (np.arange(camera.height) - camera.cy) / camera.fy
    T_voxel_camera = inverse_rigid(T_camera_voxel)
    rotation = T_voxel_camera[list(grid.axes), :3] / grid.voxel_size_m
    start = (T_voxel_camera[:3, 3] - grid.origin_m)[list(grid.axes)] / grid.voxel_size_m
    cells = np.empty((3, depth_m.size), np.int32)
    all_pixels = np.empty(depth_m.size, np.int64)
    count = 0
    for top in range(0, camera.height, ROWS_AT_A_TIME):
        rows = slice(top, top + ROWS_AT_A_TIME)
        depth = depth_m[rows].astype(np.float64)
        is_inside = depth > 0
        coordinates = []
        for axis, length in enumerate(grid.shape):
            across, down, ahead = rotation[axis]
            coordinate = np.add.outer(down * row[rows] + ahead, across * column)
            coordinate *= depth
            coordinate += start[axis]
            is_inside &= (coordinate >= 0) & (coordinate < length)
            coordinates.append(coordinate)
        pixels = np.flatnonzero(is_inside)
        part = slice(count, count + len(pixels))
        for axis, coordinate in enumerate(coordinates):
            cells[axis, part] = coordinate.reshape(-1).take(pixels)
        np.add(pixels, top * camera.width, out=all_pixels[part])
        count += len(pixels)
    x, y, z = cells[:, :count]
    return (x, y, z), all_pixels[:count]


@dataclass(frozen=True, slots=True, eq=False)
class CellProjection:
    """
    Projection of a grid's minimum cell corners into an image padded by a tile on each side.

    Attributes:
        origin, steps: (3,) and (3, 3): homogeneous pixel coordinates of cell (i, j, k) are
            ``origin + i * steps[0] + j * steps[1] + k * steps[2]``: after division by the third,
            which is z in metres, the integer parts are column and row of the padded image.
        center: u and v of the optical axis.
    """

    origin: NDArray[np.float64]
    steps: NDArray[np.float64]
    center: tuple[float, float]


def cell_projection(
    camera: PinholeCamera, grid: VoxelGrid, T_camera_voxel: NDArray[np.float64],
) -> CellProjection:
    """Return where the minimum corners of a grid's cells appear."""
    # The added half makes truncation a rounding.
    center = camera.cx + TILE_PIXELS + 0.5, camera.cy + TILE_PIXELS + 0.5
    intrinsics = np.array([[camera.fx, 0, center[0]], [0, camera.fy, center[1]], [0, 0, 1]])
    matrix = intrinsics @ T_camera_voxel[:3]
    return CellProjection(
        matrix[:, :3] @ np.asarray(grid.origin_m) + matrix[:, 3],
        grid.voxel_size_m * matrix[:, list(grid.axes)].T, center)


def padded_size(camera: PinholeCamera) -> tuple[int, int]:
    """Return height and width of the padded image: whole tiles, one more on each side."""
    height, width = ((-(-length // TILE_PIXELS) + 2) * TILE_PIXELS for length in camera.size)
    return height, width


class DepthView:
    """
    A depth image as seen from the cells of a grid, block by block.

    Args:
        depth_m: (H, W) float64; nan = observes nothing, as outside the image.
        block: cells per edge of a block.
    """

    def __init__(
        self, depth_m: NDArray[np.float64], camera: PinholeCamera, projection: CellProjection,
        block: int,
    ) -> None:
        self.projection = projection
        self.block = block
        self.depth_m = np.full(padded_size(camera), np.nan)
        self.depth_m[
            TILE_PIXELS:TILE_PIXELS + camera.height, TILE_PIXELS:TILE_PIXELS + camera.width,
        ] = depth_m
        self._within = projection.steps.T @ np.indices((block,) * 3).reshape(3, -1)

    def cells_of(self, blocks: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
        """Return z, depth of the pixel, u and v, each (n, block**3), of (3, n) blocks."""
        first = self.block * self.projection.steps.T @ blocks.astype(np.float64)
        first += self.projection.origin[:, None]
        u, v, z = (np.add.outer(*parts) for parts in zip(first, self._within, strict=True))
        height, width = self.depth_m.shape
        in_front = np.clip(z, 1e-9, None)  # throws what is behind the camera out of the image
        for coordinate, length in ((u, width), (v, height)):
            np.divide(coordinate, in_front, out=coordinate)
            np.clip(coordinate, 0, length - 1, out=coordinate)
        pixel = v.astype(np.int32)
        pixel *= np.int32(width)
        pixel += u.astype(np.int32)
        return z, self.depth_m.reshape(-1).take(pixel), u, v


def block_signs(
    view: DepthView, shape: tuple[int, int, int], clearance_m: float,
) -> NDArray[np.int8]:
    """
    Tell which blocks of cells need no look at their cells.

    Args:
        shape: blocks per axis.
        clearance_m: distance from the surface along the optical axis that a block must keep.

    Returns:
        int8 of ``shape``: 1 all cells in front of the surface, -1 all behind it, 0 all
        unobserved, 2 = mixed or not decided.
    """
    u, v, z = _shared_corners(view, shape)
    in_front: NDArray[np.float32] = np.maximum(z, np.float32(MIN_Z_M))
    low, high = DepthWindows(view.depth_m).depth_range(
        _over_corners(u / in_front), _over_corners(v / in_front))
    steps_z = view.projection.steps[:, 2]
    z_first, reach = z[:-1, :-1, :-1], (view.block - 1) * steps_z
    z_low, z_high = (z_first + np.float32(clip(reach, 0).sum())
                     for clip in (np.minimum, np.maximum))
    margin_m = clearance_m + DEPTH_MARGIN_M
    signs = np.full(shape, MIXED, np.int8)
    signs[low - z_high > margin_m] = 1
    signs[(low > NO_DEPTH) & (high - z_low < -margin_m)] = -1
    signs[high == NO_DEPTH] = 0
    # Where a corner may be too close for a division, the bounds of u and v mean nothing.
    signs[z_low < MIN_Z_M + np.abs(steps_z).sum()] = MIXED
    signs[z_high <= 0] = 0
    return signs


def _shared_corners(
    view: DepthView, shape: tuple[int, int, int],
) -> tuple[NDArray[np.float32], ...]:
    """
    Return u * z, v * z and z of the first cells of blocks, (bx + 1, by + 1, bz + 1).

    The first cells of the next blocks bound a block, one cell too far.
    """
    x, y, z = (np.arange(length + 1) * float(view.block) for length in shape)
    projection = view.projection
    return tuple(
        np.add.outer(start + step[0] * x, np.add.outer(step[1] * y, step[2] * z))
        .astype(np.float32)
        for start, step in zip(projection.origin, projection.steps.T, strict=True))


def _over_corners(lattice: NDArray[np.float32]) -> Range:
    """Return minimum and maximum over the eight corners of each block."""
    low = high = lattice
    for axis in range(3):
        low, high = np.moveaxis(low, axis, 0), np.moveaxis(high, axis, 0)
        low, high = np.minimum(low[:-1], low[1:]), np.maximum(high[:-1], high[1:])
        low, high = np.moveaxis(low, 0, axis), np.moveaxis(high, 0, axis)
    return low, high


class DepthWindows:
    """
    Bounds of the depth in any rectangle of an image, in constant time.

    A rectangle is covered by one window of whole tiles, of the next larger of some sizes.
    """

    def __init__(self, depth_m: NDArray[np.float64]) -> None:
        self._tiles = tuple(length // TILE_PIXELS for length in depth_m.shape)
        image = np.where(np.isnan(depth_m), NO_DEPTH, depth_m).astype(np.float32)
        rows, columns = self._tiles
        tiles = image.reshape(rows, TILE_PIXELS, columns, TILE_PIXELS)
        # Beyond the largest size, anything is possible.
        self._low, self._high = (
            np.stack(_windows(reduce, np.stack(_windows(
                reduce, reduce.reduce(reduce.reduce(tiles, axis=1), axis=2), -2, unknown)),
                -1, unknown)).reshape(-1)
            for reduce, unknown in ((np.minimum, NO_DEPTH), (np.maximum, -NO_DEPTH)))
        self._level = np.searchsorted(WINDOW_TILES, np.arange(max(self._tiles)) + 1)

    def depth_range(self, u: Range, v: Range) -> Range:
        """
        Return bounds of the depth in rectangles of pixels.

        The lower one is NO_DEPTH where a pixel without depth may be among them, the upper one
        where all are.
        """
        first, level = [], []
        for (low, high), count in ((u, self._tiles[1]), (v, self._tiles[0])):
            low_tile, high_tile = (
                np.clip((edge + np.float32(margin)) * np.float32(1 / TILE_PIXELS), 0, count - 1)
                .astype(np.int32)
                for edge, margin in ((low, -PIXEL_MARGIN), (high, PIXEL_MARGIN)))
            first.append(low_tile)
            level.append(self._level.take(high_tile - low_tile))
        rows, columns = self._tiles
        place = level[0] * (len(WINDOW_TILES) + 1) + level[1]
        place = (place * rows + first[1]) * columns + first[0]
        return self._low.take(place), self._high.take(place)


def _windows(
    reduce: Any, tiles: NDArray[np.float32], axis: int, unknown: float,
) -> list[NDArray[np.float32]]:
    """Return the extremes over windows of each size along an axis, and one of unknown size."""
    windows = {1: np.moveaxis(tiles, axis, 0)}
    for size in WINDOW_TILES[1:]:
        # Two windows of at least half the size cover it; at the end, what there is.
        half = windows[(size + 1) // 2]
        shift = size - (size + 1) // 2
        windows[size] = half.copy()
        reduce(half[:-shift], half[shift:], out=windows[size][:-shift])
    return [*(np.moveaxis(window, 0, axis) for window in windows.values()),
            np.full_like(tiles, unknown)]
