"""Find out whether a volume is one that completion networks of this kind can read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.fusion.scene_volume import STORED_VOXELS, SURFACE_VOXELS, SceneVolume
from ssc_ros.fusion.volume_grid import PADDING_XYZ, VOXEL_SIZE_M, VolumeGrid

# A floor is the layer with most up-facing surface; it may be off by the noise of a sensor.
FLOOR_TOLERANCE_VOXELS = 2.0
# Of upright and horizontal surface in a room, level floors and ceilings make at least this share.
MIN_LEVEL_SHARE = 0.1


def volume_problems(volume: SceneVolume) -> tuple[str, ...]:
    """
    Say what is wrong with a volume and how to put it right; nothing if it is as expected.

    Looks at the size of voxels, the width of the band, the sign of distances, the up axis and the
    height of the floor: what other programs' volumes differ in (metres, positive in free space,
    -inf where nothing was measured, z up).
    """
    problems = [_voxel_size(volume), _surface(volume)]
    if problems[-1] is None:
        problems += [_band(volume), _sign(volume), _up_axis(volume), _floor(volume)]
    return tuple(problem for problem in problems if problem)


def from_normalized(
    values: NDArray[np.floating], weights: NDArray[np.floating], grid: VolumeGrid,
    truncation_m: float,
) -> SceneVolume:
    """
    Return the volume of a program that divides distances by the truncation.

    Args:
        values: (Z, Y, X) distance / truncation, positive in free space.
        weights: (Z, Y, X), 0 where nothing was measured.
        truncation_m: what the values were divided by.
    """
    is_measured = weights > 0
    tsdf = np.where(is_measured, values * truncation_m, -np.inf).astype(np.float32)
    weight = np.where(is_measured, np.clip(np.rint(weights), 1, 255), 0).astype(np.uint8)
    return SceneVolume(grid, tsdf, weight, np.zeros((*grid.shape, 3), np.uint8))


def _voxel_size(volume: SceneVolume) -> str | None:
    size = volume.grid.voxel_size_m
    if abs(size - VOXEL_SIZE_M) > 1e-4:
        return (f'voxels are {size:.4f} m, expected {VOXEL_SIZE_M} m: fuse again with voxels of '
                'that size, or train for this one')
    return None


def _surface(volume: SceneVolume) -> str | None:
    if not volume.surface.any():
        values = volume.tsdf_m[np.isfinite(volume.tsdf_m)]
        reach = f'{values.min():.3f} to {values.max():.3f}' if values.size else 'none'
        return (f'no voxel lies within {SURFACE_VOXELS:g} voxel of a surface (distances: {reach}):'
                ' are the distances in metres, and was anything fused?')
    return None


def _band(volume: SceneVolume) -> str | None:
    tsdf = volume.tsdf_voxels
    behind = tsdf[np.isfinite(tsdf) & (tsdf < 0)]
    if behind.size and behind.min() < -2 * STORED_VOXELS:
        return (f'distances reach {-behind.min():.1f} voxels behind surfaces, expected about '
                f'{STORED_VOXELS:g}: space that was never seen must be -inf, not a distance')
    if behind.size and behind.min() > -SURFACE_VOXELS:
        return (f'distances end {-behind.min():.2f} voxels behind surfaces, expected 3 or more: '
                'multiply them by the truncation if they were divided by it')
    return None


def _sign(volume: SceneVolume) -> str | None:
    """Free space is measured far from surfaces, the space behind them hardly."""
    tsdf = volume.tsdf_voxels
    far = np.isfinite(tsdf) & (np.abs(tsdf) > 2 * SURFACE_VOXELS)
    negative = np.count_nonzero(far & (tsdf < 0))
    if negative > 0.5 * np.count_nonzero(far):
        return (f'{negative} of {np.count_nonzero(far)} voxels away from surfaces are negative, '
                'but free space is positive: change the sign of the distances')
    return None


def _up_axis(volume: SceneVolume) -> str | None:
    shares = _facing(volume)
    if shares.sum() and shares[2] < MIN_LEVEL_SHARE * shares.sum():
        return (f'only {100 * shares[2] / shares.sum():.0f} % of the surface faces up or down: '
                'z must point up; turn the poses, or multiply them by the axis alignment of the '
                'scan')
    return None


def _floor(volume: SceneVolume) -> str | None:
    height = floor_height_voxels(volume)
    expected = PADDING_XYZ[2]
    if height is not None and abs(height - expected) > FLOOR_TOLERANCE_VOXELS:
        return (f'the floor lies {height:.0f} voxels above the base, expected {expected}: lay the '
                f'base of the grid {expected} voxels below the floor')
    return None


def floor_height_voxels(volume: SceneVolume) -> float | None:
    """
    Return the height of the layer with most up-facing surface, in voxels above the lowest layer.

    None where no surface faces up.
    """
    below, above = volume.tsdf_voxels[:-1], volume.tsdf_voxels[1:]
    with np.errstate(invalid='ignore'):  # of -inf less -inf, which is no step
        step = above - below
        is_up = (below <= 0) & (above > 0) & (step > 0.5) & np.isfinite(step)
    layers = is_up.sum(axis=(1, 2))
    if not layers.any():
        return None
    best = int(layers.argmax())
    low, high = below[best][is_up[best]], above[best][is_up[best]]
    return best + float(np.median(low / (low - high)))


def _facing(volume: SceneVolume) -> NDArray[np.float64]:
    """Return how much surface faces along x, y and z."""
    tsdf = volume.tsdf_voxels
    changes = []
    for axis in (2, 1, 0):
        along = np.moveaxis(tsdf, axis, 0)
        low, high = along[:-1], along[1:]
        is_near = (np.abs(low) < 3) & (np.abs(high) < 3)
        changes.append(float(np.count_nonzero(is_near & ((low < 0) != (high < 0)))))
    return np.array(changes)
