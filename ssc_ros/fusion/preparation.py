"""Prepare posed frames for the fusion: one small size, filtered depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.geometry.cameras import PinholeCamera

# Stands for missing depth in the filter: too far from any depth to have a weight.
_NO_DEPTH = np.float32(-1e4)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFrame:
    """
    Depth and colour on the pixels of one camera.

    Attributes:
        depth_m: (H, W) float32 along the optical axis, 0 = missing.
        rgb: (H, W, 3) uint8.
        T_world_camera: (4, 4) pose of the optical frame.
    """

    depth_m: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    camera: PinholeCamera
    T_world_camera: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.depth_m.shape != self.camera.size or self.rgb.shape != (*self.camera.size, 3):
            raise DataError(f'depth {self.depth_m.shape} and colour {self.rgb.shape} do not fit '
                            f'the camera {self.camera.size}')
        if not np.isfinite(self.T_world_camera).all():
            raise DataError('the pose is not finite: leave out frames whose tracking was lost '
                            '(PosedFrame.is_tracked)')


def prepare_frame(frame: PosedFrame, settings: FusionSettings) -> PreparedFrame:
    """
    Resample depth and colour to one size, drop impossible depth and smooth the rest.

    Colour is taken as registered to depth; the intrinsics are those of the depth.

    Raises:
        DataError: the frame has no usable pose.
    """
    height, width = settings.image_size
    nearest, farthest = settings.sensor_range_m
    depth = nearest_pixels(frame.depth_m, settings.image_size).astype(np.float32)
    # Comparisons with NaN are false, so that it is dropped, too.
    depth[~((depth >= nearest) & (depth <= farthest))] = 0
    return PreparedFrame(
        filtered_depth(depth, settings.filter_sigma_px, settings.filter_sigma_m),
        nearest_pixels(frame.rgb, settings.image_size),
        corner_aligned(frame.depth_camera, height, width),
        np.asarray(frame.T_world_camera, np.float64))


def corner_aligned(camera: PinholeCamera, height: int, width: int) -> PinholeCamera:
    """Return intrinsics of an image whose corner pixels keep their places (SPSG)."""
    return PinholeCamera(
        camera.fx * width / camera.width, camera.fy * height / camera.height,
        camera.cx * (width - 1) / (camera.width - 1),
        camera.cy * (height - 1) / (camera.height - 1), height, width)


def nearest_pixels(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resample an image so that its corner pixels keep their places, without interpolation."""
    rows, columns = (
        np.floor(np.arange(new) * ((old - 1) / max(new - 1, 1)) + 0.5).astype(np.intp)
        for new, old in zip(size, image.shape, strict=False))
    return cast('NDArray[Any]', image[rows[:, None], columns])


def filtered_depth(
    depth_m: NDArray[np.float32], sigma_px: float, sigma_m: float,
) -> NDArray[np.float32]:
    """
    Smooth depth with a bilateral filter over valid neighbours (Tomasi and Manduchi, ICCV 1998).

    Args:
        depth_m: (H, W), 0 = missing, which stays missing.
        sigma_px, sigma_m: widths in the image and in depth; the window reaches 2 sigma_px.
    """
    radius = math.ceil(2 * sigma_px)
    depth = np.where(depth_m > 0, depth_m, _NO_DEPTH)
    total, weights = depth.copy(), np.ones_like(depth)
    # A pair of pixels weighs the same for both: half of the window is enough.
    for down in range(radius + 1):
        for right in range(-radius, radius + 1):
            if (down, right) > (0, 0):
                scale = -(down * down + right * right) / (2 * sigma_px ** 2)
                _add_pairs(depth, total, weights, down, right, scale, sigma_m)
    return np.where(depth_m > 0, total / weights, np.float32(0))


def _add_pairs(
    depth: NDArray[np.float32], total: NDArray[np.float32], weights: NDArray[np.float32],
    down: int, right: int, scale: float, sigma_m: float,
) -> None:
    """Let all pairs of pixels that lie (down, right) apart see each other."""
    height, width = depth.shape
    here = (slice(0, max(height - down, 0)), slice(max(-right, 0), width - max(right, 0)))
    there = (slice(down, height), slice(max(right, 0), width + min(right, 0)))
    first, second = depth[here], depth[there]
    weight = first - second
    weight *= weight
    weight *= np.float32(-0.5 / sigma_m ** 2)
    weight += np.float32(scale)
    np.exp(weight, out=weight)
    total[here] += weight * second
    weights[here] += weight
    total[there] += weight * first
    weights[there] += weight
