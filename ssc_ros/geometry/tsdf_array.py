"""
The TSDF on the CPU: exact, without visiting most cells.

A block is decided at once where all its cells lie on one side of every depth they could be
compared with, and has the magnitude 1 where no surface cell is near. Only the others, about a
fifth of an indoor scene, are computed cell by cell. Sums of their single-precision values are
exact in double precision, so that averages do not depend on the order of summation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.tsdf_distance import (
    NEARNESS_FAR,
    TRUNCATION_VOXELS,
    Cells,
    nearness_window,
)
from ssc_ros.geometry.tsdf_settings import (
    BEHIND_EVERYTHING_M,
    SIGN_TOLERANCE_M,
    TsdfSettings,
)
from ssc_ros.geometry.tsdf_view import (
    MIXED,
    DepthView,
    block_signs,
    cell_projection,
    measured_cells,
)
from ssc_ros.memory import keep_freed_memory

# Edge, in cells, of the blocks of a result that is not averaged.
FINE_BLOCK = 4
# As many as keep the temporaries of their cells in the cache.
BLOCKS_AT_A_TIME = 512

# (3, n) blocks and the (n, cells) values of their cells.
BlockValues = tuple[NDArray[np.int64], NDArray[np.float32]]


def array_tsdf(
    depth_m: NDArray[Any], camera: PinholeCamera, grid: VoxelGrid,
    T_camera_voxel: NDArray[np.float64], *, subdivision: int, settings: TsdfSettings,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return values and pixel_of_voxel as ``compute_tsdf`` does."""
    fine = subdivided(grid, subdivision)
    keep_freed_memory()
    block = subdivision if subdivision > 1 else FINE_BLOCK
    blocks = _ceil_divided(fine.shape, block)
    with np.errstate(invalid='ignore'):  # of missing depth, which may be NaN or infinite
        cells, pixels = measured_cells(depth_m, camera, fine, T_camera_voxel)
        view = DepthView(
            _observing(depth_m, settings), camera,
            cell_projection(camera, fine, T_camera_voxel), block)
        if settings.kind == 'accurate':
            signs = block_signs(view, blocks, clearance_m=0.0)
            special = _accurate_values(view, signs, cells, settings)
        else:
            truncation_m = TRUNCATION_VOXELS * fine.voxel_size_m
            signs = block_signs(view, blocks, clearance_m=truncation_m)
            special = _projective_values(view, camera, signs, truncation_m, settings)
        uniform = settings.value_table()[:, NEARNESS_FAR].take(signs + 1, mode='clip')
        gather = _averages if subdivision > 1 else _cells
        values = gather(uniform, special, block)
    return (np.ascontiguousarray(values[tuple(map(slice, grid.shape))]),
            _last_pixels(cells, pixels, grid, subdivision, none=depth_m.size))


def subdivided(grid: VoxelGrid, factor: int) -> VoxelGrid:
    """Return the same box with ``factor`` cells per voxel edge."""
    x, y, z = (length * factor for length in grid.shape)
    return VoxelGrid(grid.origin_m, grid.voxel_size_m / factor, (x, y, z), grid.axis_order)


def _ceil_divided(shape: tuple[int, int, int], block: int) -> tuple[int, int, int]:
    x, y, z = (-(-length // block) for length in shape)
    return x, y, z


def _last_pixels(
    cells: Cells, pixels: NDArray[np.int64], grid: VoxelGrid, subdivision: int, none: int,
) -> NDArray[np.int64]:
    """Return the last pixel that falls into each voxel."""
    result = np.full(grid.num_voxels, none, np.int64)
    x, y, z = (axis // np.int32(subdivision) for axis in cells)
    # Pixels ascend, and of those written to one place the last stays.
    result[(x * grid.shape[1] + y) * grid.shape[2] + z] = pixels
    return result


def _observing(depth_m: NDArray[Any], settings: TsdfSettings) -> NDArray[np.float64]:
    """Return the depth that cells are compared with, nan where they are not."""
    depth = depth_m.astype(np.float64)
    if settings.kind == 'accurate':
        is_open = (depth >= settings.min_depth_m) & (depth <= settings.max_depth_m)
        return np.where(is_open, depth + SIGN_TOLERANCE_M, np.nan)
    return np.where(np.isfinite(depth) & (depth > 0), depth, BEHIND_EVERYTHING_M)


def _chunks(blocks: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, blocks.shape[1], BLOCKS_AT_A_TIME):
        yield blocks[:, start:start + BLOCKS_AT_A_TIME]


def _accurate_values(
    view: DepthView, signs: NDArray[np.int8], cells: Cells, settings: TsdfSettings,
) -> Iterator[BlockValues]:
    block = view.block
    shape = tuple(length * block for length in signs.shape)
    window = nearness_window(cells, (shape[0], shape[1], shape[2]), block)
    near = window.near_blocks(block)
    near_signs = signs[tuple(near)]
    table = settings.value_table()
    for sign in (-1, 0, 1):
        if table[sign + 1].any():
            for blocks in _chunks(near[:, near_signs == sign]):
                nearness: Any = window.of_blocks(blocks, block)
                values: Any = cv2.LUT(nearness, table[sign + 1])
                yield blocks, values
    for blocks in _chunks(near[:, near_signs == MIXED]):
        place: NDArray[np.int16] = np.multiply(_rows(view, blocks), 256, dtype=np.int16)
        place += window.of_blocks(blocks, block)
        yield blocks, table.reshape(-1).take(place)
    is_mixed = signs == MIXED
    is_mixed[tuple(near)] = False
    for blocks in _chunks(np.stack(np.nonzero(is_mixed))):
        yield blocks, table[:, NEARNESS_FAR].take(_rows(view, blocks))


def _rows(view: DepthView, blocks: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the row of each cell in the table of values: its sign plus one."""
    z, depth, _, _ = view.cells_of(blocks)
    rows = np.subtract(depth > z, depth <= z, dtype=np.int8)
    rows += np.int8(1)
    return rows


def _projective_values(
    view: DepthView, camera: PinholeCamera, signs: NDArray[np.int8],
    truncation_m: float, settings: TsdfSettings,
) -> Iterator[BlockValues]:
    for blocks in _chunks(np.stack(np.nonzero(signs == MIXED))):
        z, depth, u, v = view.cells_of(blocks)
        center_u, center_v = view.projection.center
        x, y = (u - center_u) / camera.fx, (v - center_v) / camera.fy
        along_ray_m = (depth - z) * np.sqrt(1 + x * x + y * y)
        plain = np.clip(along_ray_m / truncation_m, -1, 1)
        plain[np.isnan(plain)] = settings.unobserved
        yield blocks, settings.stored(plain).astype(np.float32)


def _averages(
    uniform: NDArray[np.float32], special: Iterator[BlockValues], block: int,
) -> NDArray[np.float32]:
    """Return the mean over the cells of each block."""
    totals = uniform.astype(np.float64) * block ** 3
    for blocks, values in special:
        totals[tuple(blocks)] = values.sum(axis=1, dtype=np.float64)
    return (totals / block ** 3).astype(np.float32)


def _cells(
    uniform: NDArray[np.float32], special: Iterator[BlockValues], block: int,
) -> NDArray[np.float32]:
    """Return the value of each cell."""
    rows, columns = uniform.shape[1] * block, uniform.shape[2]
    result = np.empty([length * block for length in uniform.shape], np.float32)
    lines = np.repeat(uniform, block, axis=2)
    result.reshape(uniform.shape[0], block, uniform.shape[1], block, -1)[:] = (
        lines[:, None, :, None])
    edge = np.arange(block)
    within = np.add.outer(edge * rows, edge).reshape(-1) * columns
    # A row of a block is written as one item.
    runs = result.reshape(-1).view(f'V{4 * block}')
    for (x, y, z), values in special:
        first = (x * block * rows + y * block) * columns + z
        runs[np.add.outer(first, within)] = values.view(runs.dtype)
    return result
