"""Ambient occlusion of voxel faces from summed occupancy, without a ray."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.voxel_faces import DIRECTIONS, to_xyz
from ssc_ros.viewer.mesh import VoxelMesh

# Half width of the boxes in front of a corner, in cells, and how much each one darkens.
_RADII_AND_WEIGHTS = ((1, 0.45), (3, 0.5), (7, 0.35))


def corner_brightness(mesh: VoxelMesh, is_shown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """
    Return (F, 4) brightness in (0, 1] of the face corners: dark where matter crowds in front.

    The share of shown voxels in boxes of three sizes on the outer side of the face stands for the
    light they take away; sums over boxes come from a summed-volume table, so the cost does not
    grow with their size.
    """
    table = np.pad(to_xyz(is_shown, mesh.grid).astype(np.int32), ((1, 0),) * 3)
    for axis in range(3):
        table = table.cumsum(axis, dtype=np.int32)
    light = np.ones(mesh.corners.shape[:2], np.float32)
    for index, (axis, is_high) in enumerate(DIRECTIONS):
        of_direction = mesh.directions == index
        corners = mesh.corners[of_direction]
        for radius, weight in _RADII_AND_WEIGHTS:
            low, high = corners - radius, corners + radius
            (low if is_high else high)[..., axis] = corners[..., axis]
            share = _box_sum(table, low, high) / (4 * radius**3)
            light[of_direction] *= 1 - weight * share
    return light


def _box_sum(
    table: NDArray[np.int32], low: NDArray[np.int32], high: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Sum the cells low <= cell < high through the (X+1, Y+1, Z+1) summed-volume table."""
    last = np.array(table.shape) - 1
    x0, y0, z0 = np.moveaxis(np.clip(low, 0, last), -1, 0)
    x1, y1, z1 = np.moveaxis(np.clip(high, 0, last), -1, 0)
    total: NDArray[np.int32] = (
        table[x1, y1, z1] - table[x0, y1, z1] - table[x1, y0, z1] - table[x1, y1, z0]
        + table[x0, y0, z1] + table[x0, y1, z0] + table[x1, y0, z0] - table[x0, y0, z0])
    return total
