"""Which part of a map its network completes next, and how much of the answer counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.fusion.dirty_tiles import DirtyTiles
from ssc_ros.fusion.rolling_arrays import Plane, PlaneBox
from ssc_ros.fusion.rolling_fusion import BLOCK_VOXELS
from ssc_ros.models.s4r.windows import axis_weights


def least_side(stride: int) -> int:
    """Return the side of the smallest square that has a tile in its core wherever it lies."""
    return 2 * (stride + BLOCK_VOXELS)


@dataclass(frozen=True, slots=True, eq=False)
class Square:
    """
    Columns of a map that are completed at once.

    Attributes:
        box: where they lie.
        weight: (rows, columns) float32, 1 but falling towards the sides where the map goes on.
        core: those of weight 1.
    """

    box: PlaneBox
    weight: NDArray[np.float32]
    core: PlaneBox


class CompletionTurns:
    """
    Squares to complete, by turns before the robot and where the map waits longest.

    The robot would otherwise wait for what it left behind, or that would never be completed.

    Args:
        side: of the squares in voxels, at least ``least_side``.
        stride: of the network's windows; answers fade along so many voxels.
    """

    def __init__(self, side: int, stride: int) -> None:
        self._side, self._stride = side, stride
        self._dirty = DirtyTiles(BLOCK_VOXELS)
        self._is_robots_turn = False

    def __len__(self) -> int:
        return len(self._dirty)

    def mark(self, box: PlaneBox) -> None:
        """Note that something in a box changed."""
        self._dirty.mark(box)

    def clear(self) -> None:
        """Begin a new map."""
        self._dirty.clear()

    def take(self, window: PlaneBox, ahead: Plane) -> Square | None:
        """
        Return what to complete now, None if nothing waits; what changes later waits anew.

        Only the core counts as completed: of the rest, the network saw one side only.

        Args:
            window: where the map lies.
            ahead: column that the robot looks at.
        """
        oldest = self._dirty.oldest(window)
        if oldest is None:
            return None
        self._is_robots_turn = not self._is_robots_turn
        square = self._around(ahead, window)
        if not (self._is_robots_turn and self._dirty.is_dirty(square.core)):
            square = self._around(oldest.middle, window)
            self._dirty.clean(oldest)  # whatever becomes of it, the next turn is another's
        self._dirty.clean(square.core)
        return square

    def _around(self, column: Plane, window: PlaneBox) -> Square:
        """Return the columns around one, on the network's grid of windows, inside the map."""
        y, x = (self._along(*axis) for axis in zip(
            column, window.start, window.shape, strict=True))
        return Square(
            PlaneBox((y.start, x.start), (self._side, self._side)),
            # The product, not the least, keeps the shares of two squares even along both rims.
            np.outer(y.weights, x.weights),
            PlaneBox((y.core[0], x.core[0]), (y.core[1], x.core[1])))

    def _along(self, middle: int, first: int, length: int) -> _Side:
        """Return one side of the square around a column of a window."""
        wanted = (middle - self._side // 2) // self._stride * self._stride
        start = max(first, min(wanted, first + length - self._side))
        is_first, is_last = start == first, start + self._side == first + length
        core_start = start + (0 if is_first else self._stride)
        core_stop = start + self._side - (0 if is_last else self._stride)
        return _Side(
            start, axis_weights(
                self._side, self._stride, 'tent', is_first=is_first, is_last=is_last),
            (core_start, core_stop - core_start))


class _Side(NamedTuple):
    """Start, weights and (start, length) of the core of a square along one axis."""

    start: int
    weights: Tensor
    core: Plane
