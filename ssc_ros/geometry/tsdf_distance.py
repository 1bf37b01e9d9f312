"""
Exact distances to the surface cells of a voxel grid, as far as a truncation of 12 cells.

Distances are kept as ``nearness``, 244 - squared distance, in one byte: 244 = on the surface,
100 = twelve cells or more away. Every step is then a maximum of whole planes of bytes, which
stay in the cache and fill the widest registers of the processor, and no difference that the
transform needs (down to 100 - 10 * 10) leaves the range of a byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

TRUNCATION_VOXELS = 12
NEARNESS_ON_SURFACE = 244
NEARNESS_FAR = NEARNESS_ON_SURFACE - TRUNCATION_VOXELS ** 2
# Cells up to here have a distance below the truncation.
REACH = TRUNCATION_VOXELS - 1
# As many bytes as keep the three work arrays of a pass in the second-level cache.
CHUNK_BYTES = 150_000

Bytes = NDArray[np.uint8]
Cells = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


@dataclass(frozen=True, slots=True, eq=False)
class NearnessWindow:
    """
    The part of a fine grid that contains every cell near a surface.

    Attributes:
        start: (3,) index of its first cell, a multiple of the block edge.
        nearness: (nx, ny, nz) uint8, extents multiples of the block edge.
    """

    start: tuple[int, int, int]
    nearness: Bytes

    def near_blocks(self, block: int) -> NDArray[np.int64]:
        """Return the (3, n) indices, in the grid, of blocks with a cell near a surface."""
        nearest = self.nearness
        for axis in range(3):
            lines = np.moveaxis(nearest, axis, 0)
            nearest = np.moveaxis(
                np.maximum.reduce([lines[i::block] for i in range(block)]), 0, axis)
        start = np.asarray(self.start, np.int64) // block
        blocks: NDArray[np.int64] = np.stack(np.nonzero(nearest > NEARNESS_FAR)) + start[:, None]
        return blocks

    def of_blocks(self, blocks: NDArray[np.int64], block: int) -> Bytes:
        """Return the (n, block**3) nearness in (3, n) blocks of the window."""
        _, rows, columns = self.nearness.shape
        edge = np.arange(block)
        x, y, z = blocks - (np.asarray(self.start) // block)[:, None]
        first = (x * block * rows + y * block) * (columns // block) + z
        within = np.add.outer(edge * rows, edge).reshape(-1) * (columns // block)
        # A row of a block is taken as one item.
        runs = self.nearness.reshape(-1).view(f'V{block}')
        nearness: Bytes = runs.take(np.add.outer(first, within)).view(np.uint8)
        return nearness


def nearness_window(
    cells: Cells, shape: tuple[int, int, int], block: int,
) -> NearnessWindow:
    """
    Return the nearness around surface cells.

    Args:
        cells: three arrays of indices of the surface cells, repeats allowed.
        shape: extents of the grid, multiples of ``block``.
        block: the window starts and ends at multiples of this.
    """
    if not cells[0].size:
        return NearnessWindow((0, 0, 0), np.zeros((0, 0, 0), np.uint8))
    start = [max(int(axis.min()) - REACH, 0) // block * block for axis in cells]
    stop = [min(-((-int(axis.max()) - 1 - REACH) // block) * block, length)
            for axis, length in zip(cells, shape, strict=True)]
    extents = [last - first for first, last in zip(start, stop, strict=True)]
    steps = np.full(extents, TRUNCATION_VOXELS, np.uint8)
    flat = cells[0] - start[0]
    for axis in (1, 2):
        flat = flat * extents[axis] + (cells[axis] - start[axis])
    steps.reshape(-1)[flat] = 0
    _sweep(steps)
    return NearnessWindow((start[0], start[1], start[2]), _nearness(steps))


def _sweep(steps: Bytes) -> None:
    """Replace 0 = surface, 12 = other by the distance along the first axis, at most 12."""
    one = np.uint8(1)
    candidate = np.empty(steps.shape[1:], np.uint8)
    for plane, following in pairwise(steps):
        np.add(plane, one, out=candidate)
        np.minimum(following, candidate, out=following)
    for plane, following in pairwise(steps[::-1]):
        np.add(plane, one, out=candidate)
        np.minimum(following, candidate, out=following)


def _nearness(steps: Bytes) -> Bytes:
    """Return the nearness of cells whose distances along the first axis are known."""
    planes, rows, columns = steps.shape
    # Far cells between rows and planes stand for what lies outside, so that a shift along an
    # axis is a shift of the flat array.
    padded = (rows + REACH, columns + REACH)
    batch = min(planes, max(1, CHUNK_BYTES // (padded[0] * padded[1])))
    length, margin = batch * padded[0] * padded[1], REACH * padded[1]
    source, middle = (np.full(length + 2 * margin, NEARNESS_FAR, np.uint8) for _ in range(2))
    result = np.empty(length, np.uint8)
    along_rows = _Parabola(source, middle[margin:margin + length], margin, padded[1])
    along_columns = _Parabola(middle, result, margin, 1)
    inside = np.s_[:, :rows, :columns]
    source_inside = source[margin:margin + length].reshape(batch, *padded)[inside]
    result_inside = result.reshape(batch, *padded)[inside]
    nearness = np.empty_like(steps)
    for first in range(0, planes, batch):
        part = steps[first:first + batch]
        squared = np.multiply(part, part, out=source_inside[:len(part)])
        np.subtract(np.uint8(NEARNESS_ON_SURFACE), squared, out=squared)
        along_rows()
        along_columns()
        nearness[first:first + batch] = result_inside[:len(part)]
    return nearness


class _Parabola:
    """result(i) = max over k of source(i + k * stride) - k * k, with buffers made once."""

    def __init__(self, source: Bytes, result: Bytes, margin: int, stride: int) -> None:
        length = len(result)
        self._center, self._result = source[margin:margin + length], result
        self._shifts = [
            (source[margin - k * stride:margin - k * stride + length],
             source[margin + k * stride:margin + k * stride + length],
             np.array(k * k, np.uint8))
            for k in range(1, REACH + 1)]
        self._floor = np.array(NEARNESS_FAR + REACH * REACH, np.uint8)
        self._work = np.empty(length, np.uint8)

    def __call__(self) -> None:
        work, result = self._work, self._result
        result[:] = self._center
        for before, after, penalty in self._shifts:
            np.maximum(before, after, out=work)
            if penalty > NEARNESS_FAR:  # would wrap around
                np.maximum(work, self._floor, out=work)
            np.subtract(work, penalty, out=work)
            np.maximum(result, work, out=result)
