"""Find the voxel grid again in a cloud of voxel centres, whatever the frame of the cloud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid

# Distances and offsets from the lattice tolerated as rounding, in voxels.
_TOLERANCE = 0.05
_MIN_STEPS = 3

Points = NDArray[np.float64]


def lattice_of(
    points: NDArray[np.floating],
) -> tuple[VoxelGrid, NDArray[np.float64], NDArray[np.int64]]:
    """
    Recover the lattice that voxel centres lie on.

    Args:
        points: (N, 3) centres of voxels in C order of their label array, as
            ``~/voxels/points`` sends them; empty voxels may be missing.

    Returns:
        The smallest grid around the points (axis order xyz; x is whatever array axis came
        first), T_cloud_grid (4, 4), and the (N, 3) cell of each point.

    Raises:
        DataError: the points do not lie on a lattice, or too few to see one.
    """
    cloud = np.asarray(points, np.float64)
    last_step = _common_step(np.diff(cloud, axis=0))
    voxel_size_m = float(np.linalg.norm(last_step))
    last = last_step / voxel_size_m
    # Within one layer of the last axis, points follow each other along the axis before it.
    layer = np.rint((cloud - cloud[0]) @ last / voxel_size_m)
    in_layers = cloud[np.argsort(layer, kind='stable')]
    steps = np.diff(in_layers, axis=0)
    is_level = np.abs(steps @ last) < _TOLERANCE * voxel_size_m
    middle_step = _common_step(steps[is_level], length_m=voxel_size_m)
    middle = middle_step / np.linalg.norm(middle_step)
    axes = np.stack([np.cross(middle, last), middle, last], axis=1)
    offsets = (cloud - cloud[0]) @ axes / voxel_size_m
    cells = np.rint(offsets)
    if np.abs(offsets - cells).max() > 0.25:
        raise DataError('the cloud is no voxel lattice: its points are not spaced evenly along '
                        'three axes; subscribe to ~/voxels/points')
    cells -= cells.min(axis=0)
    origin = (cloud - cells @ axes.T * voxel_size_m).mean(axis=0)
    x, y, z = (int(length) for length in cells.max(axis=0) + 1)
    half = -voxel_size_m / 2
    grid = VoxelGrid((half, half, half), voxel_size_m, (x, y, z))
    return grid, make_rigid(axes, origin), cells.astype(np.int64)


def _common_step(steps: Points, *, length_m: float | None = None) -> Points:
    """Return the mean of the shortest steps that point the most common way."""
    lengths = np.linalg.norm(steps, axis=1)
    if len(steps) < _MIN_STEPS:
        raise DataError(f'a cloud with {len(steps)} neighbouring voxels shows no lattice')
    shortest = float(lengths.min()) if length_m is None else length_m
    short = steps[np.abs(lengths - shortest) < _TOLERANCE * shortest]
    if not shortest > 0 or len(short) < _MIN_STEPS:
        raise DataError('the cloud is no voxel lattice: too few of its points are neighbours')
    # Neighbours along another axis are rare but as short; the densest direction is the one.
    votes = np.rint(short / shortest * 4).astype(np.int64)
    _, group, counts = np.unique(votes, axis=0, return_inverse=True, return_counts=True)
    mean: Points = short[group.reshape(-1) == counts.argmax()].mean(axis=0)
    return mean
