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

TILE_PIXELS = 4
MIN_Z_M = 1e-3
# Room for rounding in single precision; it only makes more blocks mixed.
PIXEL_MARGIN = 0.02
DEPTH_MARGIN_M = 1e-3
WINDOW_TILES = (*range(1, 17), 20, 24, 28, 32)
NO_DEPTH = -1e30
# As many as keep the temporaries of their pixels in the cache.
ROWS_AT_A_TIME = 24

Floats = NDArray[np.floating[Any]]


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
class DepthView:
    """
    A depth image and the projection of a grid's cell corners into it.

    Attributes:
        depth_m: float64 image padded by a tile on each side; nan = observes nothing.
        origin, steps: (3,) and (3, 3): homogeneous pixel coordinates of cell (i, j, k) are
            ``origin + i * steps[0] + j * steps[1] + k * steps[2]``: after division by the third,
            which is z in metres, the integer parts are column and row of the padded image.
        center: u and v of the optical axis.
    """

    depth_m: NDArray[np.float64]
    origin: NDArray[np.float64]
    steps: NDArray[np.float64]
    center: tuple[float, float]

    def cells_of(self, blocks: NDArray[np.int64], block: int) -> tuple[NDArray[np.float64], ...]:
        """Return z, depth of the pixel, u and v, each (n, block**3), of (3, n) blocks."""
        first, within = blocks * block, np.indices((block,) * 3).reshape(3, -1)
        u, v, z = (
            np.add.outer(self.origin[i] + self.steps[:, i] @ first, self.steps[:, i] @ within)
            for i in range(3))
        height, width = self.depth_m.shape
        in_front = np.maximum(z, 1e-9)  # throws what is behind the camera far out of the image
        for coordinate, length in ((u, width), (v, height)):
            np.divide(coordinate, in_front, out=coordinate)
            np.clip(coordinate, 0, length - 1, out=coordinate)
        pixel = v.astype(np.int64)
        pixel *= width
        pixel += u.astype(np.int64)
        return z, self.depth_m.reshape(-1).take(pixel), u, v


def depth_view(
    depth_m: NDArray[np.float64], camera: PinholeCamera, grid: VoxelGrid,
    T_camera_voxel: NDArray[np.float64],
) -> DepthView:
    """Return the view of a grid's minimum corners; nan in ``depth_m`` observes nothing."""
    padded = np.full([(-(-length // TILE_PIXELS) + 2) * TILE_PIXELS for length in camera.size], np.nan)
    height, width = camera.size
    padded[TILE_PIXELS:TILE_PIXELS + height, TILE_PIXELS:TILE_PIXELS + width] = depth_m
    # The added half makes truncation a rounding, half away from zero as far as pixels go.
    projection = camera.matrix
    projection[:2, 2] += TILE_PIXELS + 0.5
    matrix = projection @ T_camera_voxel[:3]
    return DepthView(
        padded, matrix[:, :3] @ np.asarray(grid.origin_m) + matrix[:, 3],
        grid.voxel_size_m * matrix[:, list(grid.axes)].T,
        (float(projection[0, 2]), float(projection[1, 2])))


def block_signs(
    view: DepthView, shape: tuple[int, int, int], block: int, clearance_m: float,
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
    u, v, z = _lattice(view, shape, block)
    z_low, z_high = _over_corners(np.minimum, z), _over_corners(np.maximum, z)
    np.maximum(z, MIN_Z_M, out=z)
    low, high = _depth_range(view, u / z, v / z)
    margin = clearance_m + DEPTH_MARGIN_M
    signs = np.full(shape, MIXED, np.int8)
    signs[low - z_high > margin] = 1
    signs[(low > NO_DEPTH) & (high - z_low < -margin)] = -1
    signs[high == NO_DEPTH] = 0
    signs[z_low < MIN_Z_M] = MIXED
    signs[z_high <= 0] = 0
    return signs


def _lattice(
    view: DepthView, shape: tuple[int, int, int], block: int,
) -> tuple[NDArray[np.float32], ...]:
    """Return u * z, v * z and z of the corners that blocks share, one more than blocks."""
    lines = [np.arange(length + 1) * block for length in shape]
    return tuple(
        (view.origin[i] + view.steps[0, i] * lines[0].astype(np.float64)[:, None, None]
         + np.add.outer(view.steps[1, i] * lines[1], view.steps[2, i] * lines[2])
         ).astype(np.float32)
        for i in range(3))


def _over_corners(reduce: Any, lattice: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the minimum or maximum over the eight corners of each block."""
    lattice = reduce(lattice[:-1], lattice[1:])
    lattice = reduce(lattice[:, :-1], lattice[:, 1:])
    result: NDArray[np.float32] = reduce(lattice[:, :, :-1], lattice[:, :, 1:])
    return result


def _depth_range(
    view: DepthView, u: NDArray[np.float32], v: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Return bounds of the depth in the part of the image that each block may cover.

    The lower one is NO_DEPTH where a pixel without depth is among them, the upper one where all
    are.
    """
    tiles = _tile_windows(view.depth_m)
    _, rows, columns = tiles[0].shape
    size: Any = 0
    first: list[NDArray[np.int32]] = []
    for coordinate, count in ((v, rows), (u, columns)):
        tile = coordinate * np.float32(1 / TILE_PIXELS)
        margin = np.float32(PIXEL_MARGIN / TILE_PIXELS)
        low, high = (
            np.clip(_over_corners(reduce, tile) + sign * margin, 0, count - 1).astype(np.int32)
            for reduce, sign in ((np.minimum, -1), (np.maximum, 1)))
        size = np.maximum(size, high - low)
        first.append(low)
    level = np.searchsorted(WINDOW_TILES, np.arange(rows + columns) + 1).astype(np.int32)[size]
    place = (np.minimum(level, len(WINDOW_TILES) - 1) * rows + first[0]) * columns + first[1]
    low, high = (tile.reshape(-1).take(place) for tile in tiles)
    is_wide = level == len(WINDOW_TILES)
    low[is_wide], high[is_wide] = NO_DEPTH, -NO_DEPTH
    return low, high


def _tile_windows(depth_m: NDArray[np.float64]) -> tuple[NDArray[np.float32], ...]:
    """Return minimum and maximum depth in windows of n x n tiles, (levels, rows, columns)."""
    rows, columns = (length // TILE_PIXELS for length in depth_m.shape)
    image = np.where(np.isnan(depth_m), NO_DEPTH, depth_m).astype(np.float32)
    image = image.reshape(rows, TILE_PIXELS, columns, TILE_PIXELS)
    return tuple(_windows(reduce, image) for reduce in (np.minimum, np.maximum))


def _windows(reduce: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
    windows = {1: reduce.reduce(reduce.reduce(image, axis=1), axis=2)}
    for size in WINDOW_TILES[1:]:
        # Two windows of at least half the size cover it; at the end, what there is.
        half = (size + 1) // 2
        window = windows[half].copy()
        reduce(window[:half - size], windows[half][size - half:], out=window[:half - size])
        across = window.copy()
        reduce(window[:, :half - size], across[:, size - half:], out=window[:, :half - size])
        windows[size] = window
    return np.stack(list(windows.values()))
