"""Rectified pinhole cameras and stereo rigs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import CalibrationError

MIN_BASELINE_M = 0.01
MAX_FOCAL_DIFFERENCE = 1e-3


@dataclass(frozen=True, slots=True)
class PinholeCamera:
    """
    Rectified pinhole intrinsics in pixels; pixel centres sit at integer coordinates.

    >>> PinholeCamera(fx=500, fy=500, cx=319.5, cy=239.5, height=480, width=640).resized(240, 320)
    PinholeCamera(fx=250.0, fy=250.0, cx=159.5, cy=119.5, height=240, width=320)
    """

    fx: float
    fy: float
    cx: float
    cy: float
    height: int
    width: int

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not np.isfinite(values).all() or self.fx <= 0 or self.fy <= 0:
            raise CalibrationError(
                f'intrinsics fx={self.fx} fy={self.fy} cx={self.cx} cy={self.cy} are not usable: '
                'focal lengths must be positive and finite; calibrate the camera')
        if self.height <= 0 or self.width <= 0:
            raise CalibrationError(
                f'image size {self.width}x{self.height} is empty: the camera_info must carry '
                'width and height')

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3) projection matrix K."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels, as in ``array.shape``."""
        return self.height, self.width

    def resized(self, height: int, width: int) -> PinholeCamera:
        """Return the intrinsics of the same view resampled to (height, width)."""
        scale_x, scale_y = width / self.width, height / self.height
        # Pixel centres sit at integers, so the half-pixel border scales too.
        return PinholeCamera(
            self.fx * scale_x, self.fy * scale_y,
            (self.cx + 0.5) * scale_x - 0.5, (self.cy + 0.5) * scale_y - 0.5, height, width)

    def cropped(self, *, top: int, left: int, height: int, width: int) -> PinholeCamera:
        """Return the intrinsics of a window; it may reach beyond the image (zero padding)."""
        return PinholeCamera(self.fx, self.fy, self.cx - left, self.cy - top, height, width)


@dataclass(frozen=True, slots=True)
class StereoRig:
    """
    A rectified stereo pair: equal rows, the right camera at +baseline along the left x axis.

    Raises:
        CalibrationError: sizes or focal lengths differ, or the baseline is below 1 cm.
    """

    left: PinholeCamera
    right: PinholeCamera
    baseline_m: float

    def __post_init__(self) -> None:
        if self.left.size != self.right.size:
            raise CalibrationError(
                f'left image is {self.left.width}x{self.left.height} but right is '
                f'{self.right.width}x{self.right.height}: a rectified pair has one size')
        if abs(self.left.fx - self.right.fx) > MAX_FOCAL_DIFFERENCE * self.left.fx:
            raise CalibrationError(
                f'left fx {self.left.fx:.3f} and right fx {self.right.fx:.3f} differ by more than '
                '0.1 %: use the rectified topics and their camera_info')
        if not self.baseline_m >= MIN_BASELINE_M:
            raise CalibrationError(
                f'stereo baseline is {self.baseline_m:.4f} m, expected {MIN_BASELINE_M} m or '
                'more: it comes from the right camera_info as -P[3]/P[0]; are the eyes swapped?')

    def resized(self, height: int, width: int) -> StereoRig:
        """Return the rig of both images resampled to (height, width)."""
        return StereoRig(
            self.left.resized(height, width), self.right.resized(height, width), self.baseline_m)

    @property
    def T_right_left(self) -> NDArray[np.float64]:
        """(4, 4) transform from the left into the right optical frame."""
        transform = np.eye(4)
        transform[0, 3] = -self.baseline_m
        return transform
