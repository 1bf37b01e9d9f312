"""Truncated signed distance volumes from one depth image (Song et al., SSCNet, CVPR 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.tsdf_array import array_tsdf
from ssc_ros.geometry.tsdf_settings import TsdfSettings

__all__ = ['DEFAULT_TSDF', 'SSCNET_TSDF', 'TsdfSettings', 'TsdfVolume', 'compute_tsdf']

DEFAULT_TSDF = TsdfSettings()
SSCNET_TSDF = TsdfSettings(flipped=True, unobserved=1.0)


@dataclass(frozen=True, slots=True, eq=False)
class TsdfVolume:
    """
    A truncated signed distance per voxel and the pixel that sees it.

    Attributes:
        values: (X, Y, Z) float32 in [-1, 1], grid axis order: positive between camera and
            surface, negative behind the surface, 0 on it and where nothing was measured.
        pixel_of_voxel: (X * Y * Z,) int64 row * width + column of the last pixel, in reading
            order, whose point lies in the voxel; height * width = none.
    """

    values: Any
    pixel_of_voxel: Any


def compute_tsdf(
    depth_m: Any, camera: PinholeCamera, grid: VoxelGrid, T_camera_voxel: ArrayLike, *,
    subdivision: int = 4, settings: TsdfSettings = DEFAULT_TSDF,
) -> TsdfVolume:
    """
    Compute the TSDF of one depth image.

    Distances are measured on a grid ``subdivision`` times as fine and averaged. As in the data
    sets, a voxel's place is its minimum corner.

    Args:
        depth_m: (H, W) floating NumPy array or torch tensor; 0 or not finite = missing.
        camera: intrinsics of the depth image.
        grid: the grid of the result; coarser than the distances by ``subdivision``.
        T_camera_voxel: (4, 4) transform of the grid's frame into the optical frame.
        subdivision: fine voxels per edge of a voxel; 1 = the result is the fine grid.
        settings: kind of distance.

    Returns:
        NumPy arrays, or tensors on the device of ``depth_m``.

    Raises:
        ConfigurationError: the depth is not in floating-point metres or of another size than the
            camera, or the subdivision is not positive.
    """
    _check(depth_m, camera, subdivision)
    transform = np.asarray(T_camera_voxel, np.float64)
    if isinstance(depth_m, np.ndarray):
        return TsdfVolume(*array_tsdf(
            depth_m, camera, grid, transform, subdivision=subdivision, settings=settings))
    # Whoever has a tensor has torch; others need not.
    from ssc_ros.geometry.tsdf_tensor import any_tensor_tsdf

    return TsdfVolume(*any_tensor_tsdf(
        depth_m, camera, grid, transform, subdivision=subdivision, settings=settings))


def _check(depth_m: Any, camera: PinholeCamera, subdivision: int) -> None:
    if tuple(depth_m.shape) != camera.size:
        raise ConfigurationError(
            f'depth is {tuple(depth_m.shape)} but the camera is {camera.size}: '
            'rescale the camera with resized() first')
    if 'float' not in str(depth_m.dtype):
        raise ConfigurationError(
            f'depth is {depth_m.dtype}, expected floating-point metres: '
            'divide millimetres by 1000 first')
    if subdivision < 1:
        raise ConfigurationError(f'subdivision is {subdivision}, expected 1 or more')
