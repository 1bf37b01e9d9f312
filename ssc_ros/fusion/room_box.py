"""The box of a room, turned about the vertical."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.fusion.volume_grid import PADDING_XYZ, VolumeGrid


@dataclass(frozen=True, slots=True)
class RoomBox:
    """
    A box in a world whose z points up.

    Attributes:
        center_m: (x, y, z) of its middle.
        half_extent_m: half its edges along its own x, y and z.
        yaw_rad: how far its x axis is turned from the world's, counter-clockwise from above.
    """

    center_m: tuple[float, float, float]
    half_extent_m: tuple[float, float, float]
    yaw_rad: float = 0.0

    def contains(self, points_world: ArrayLike, margin_m: ArrayLike = 0.0) -> NDArray[np.bool_]:
        """Return which (N, 3) points lie inside, or outside by at most a margin (per axis)."""
        offset = np.abs(self._to_box(np.asarray(points_world, np.float64)))
        inside: NDArray[np.bool_] = np.all(
            offset <= np.asarray(self.half_extent_m) + margin_m, axis=-1)
        return inside

    def columns(self, grid: VolumeGrid) -> NDArray[np.bool_]:
        """Return (Y, X) bool: the columns of voxels inside the padded box."""
        y, x = np.mgrid[:grid.shape[1], :grid.shape[2]]
        centers = grid.to_world(np.stack([x, y, np.zeros(x.shape)], -1).reshape(-1, 3))
        centers[:, 2] = self.center_m[2]
        margin = np.asarray(PADDING_XYZ) * grid.voxel_size_m
        return self.contains(centers, margin).reshape(x.shape)

    def bounds_m(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the low and the high corner of the upright box around it."""
        cosine, sine = abs(np.cos(self.yaw_rad)), abs(np.sin(self.yaw_rad))
        x, y, z = self.half_extent_m
        reach = np.array([cosine * x + sine * y, sine * x + cosine * y, z])
        return np.asarray(self.center_m) - reach, np.asarray(self.center_m) + reach

    def _to_box(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        to_box = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
        rotated: NDArray[np.float64] = (points - np.asarray(self.center_m)) @ to_box.T
        return rotated
