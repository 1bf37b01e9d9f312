"""Which parts of a map changed since a network last saw them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.rolling_arrays import Plane, PlaneBox
from ssc_ros.fusion.settings import FusionSettings


class DirtyTiles:
    """
    Square tiles of the lattice in the order in which they changed; safe to use from all threads.

    Args:
        edge: of a tile in voxels.
    """

    def __init__(self, edge: int) -> None:
        self._edge = edge
        self._lock = threading.Lock()
        self._tiles: dict[Plane, None] = {}

    def __len__(self) -> int:
        return len(self._tiles)

    def mark(self, box: PlaneBox) -> None:
        """Note that something in a box changed."""
        with self._lock:
            self._tiles.update(dict.fromkeys(self._touching(box)))

    def clean(self, box: PlaneBox) -> None:
        """Note that a box is up to date: all tiles that lie in it."""
        with self._lock:
            for tile in self._within(box):
                self._tiles.pop(tile, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tiles.clear()

    def is_dirty(self, box: PlaneBox) -> bool:
        """Tell whether something in a box changed."""
        with self._lock:
            return any(tile in self._tiles for tile in self._within(box))

    def oldest(self, window: PlaneBox) -> PlaneBox | None:
        """Return the tile that waits longest; forget those off a window."""
        with self._lock:
            kept = set(self._within(window))
            self._tiles = {tile: None for tile in self._tiles if tile in kept}
            first = next(iter(self._tiles), None)
        if first is None:
            return None
        return PlaneBox((first[0] * self._edge, first[1] * self._edge), (self._edge, self._edge))

    def _touching(self, box: PlaneBox) -> Iterator[Plane]:
        (y, x), (rows, columns) = box.start, box.shape
        for row in range(y // self._edge, -(-(y + rows) // self._edge)):
            for column in range(x // self._edge, -(-(x + columns) // self._edge)):
                yield row, column

    def _within(self, box: PlaneBox) -> Iterator[Plane]:
        (y, x), (rows, columns) = box.start, box.shape
        for row in range(-(-y // self._edge), (y + rows) // self._edge):
            for column in range(-(-x // self._edge), (x + columns) // self._edge):
                yield row, column


def seen_corners(
    frame: PreparedFrame, settings: FusionSettings, voxel_size_m: float,
) -> NDArray[np.float64]:
    """
    Return (5, 3) points in the world around all that a frame can change.

    They are the camera and the corners of its image as far as voxels are changed.
    """
    camera = frame.camera
    farthest = float(frame.depth_m[frame.depth_m <= settings.max_depth_m].max(initial=0.0))
    depth_m = farthest + settings.truncation_m(farthest, voxel_size_m)
    corners = np.array([[0, 0, 0, 1.0], *(
        [(u - camera.cx) / camera.fx * depth_m, (v - camera.cy) / camera.fy * depth_m, depth_m, 1]
        for u in (0, camera.width - 1) for v in (0, camera.height - 1))])
    points: NDArray[np.float64] = (corners @ frame.T_world_camera.T)[:, :3]
    return points
