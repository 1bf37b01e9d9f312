"""Camera calibration as drivers publish it (sensor_msgs/CameraInfo), made usable."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import CalibrationError
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig

# Number of coefficients each model may carry (REP-104 and image_geometry).
DISTORTION_SIZES = {
    'plumb_bob': (0, 4, 5, 8),  # drivers of Orbbec send the eight of rational_polynomial
    'rational_polynomial': (0, 8, 12, 14),
    'equidistant': (0, 4),
}


@dataclass(frozen=True, slots=True)
class RegionOfInterest:
    """Window of the full sensor image that was sent, in unbinned pixels; all zero = everything."""

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CameraCalibration:
    """
    The values of one CameraInfo.

    Attributes:
        width, height: size of the full, unbinned sensor image.
        K: (3, 3) intrinsics of the raw image.
        D: distortion coefficients of ``distortion_model``.
        R: (3, 3) rotation from the raw into the rectified frame.
        P: (3, 4) projection of the rectified image; P[0, 3] = -fx * baseline of a right camera.
        binning_x, binning_y: pixels per sent pixel, 0 = 1.

    Raises:
        CalibrationError: a matrix is missing, not finite, zero, or the model is unknown.
    """

    width: int
    height: int
    K: NDArray[np.float64]
    D: NDArray[np.float64]
    R: NDArray[np.float64]
    P: NDArray[np.float64]
    distortion_model: str = 'plumb_bob'
    binning_x: int = 1
    binning_y: int = 1
    roi: RegionOfInterest = field(default_factory=RegionOfInterest)

    def __post_init__(self) -> None:
        for name, shape in (('K', (3, 3)), ('R', (3, 3)), ('P', (3, 4))):
            matrix = getattr(self, name)
            if matrix.shape != shape or not np.isfinite(matrix).all():
                raise CalibrationError(
                    f'camera_info {name} must be {shape} and finite, got {matrix.tolist()}')
        if not np.isfinite(self.D).all():
            raise CalibrationError(f'camera_info D is not finite: {self.D.tolist()}')
        if self.K[0, 0] == 0 and self.P[0, 0] == 0:
            raise CalibrationError(
                'camera_info is all zero: the camera is not calibrated; run camera_calibration '
                'and let the driver publish the result')
        sizes = DISTORTION_SIZES.get(self.distortion_model or 'plumb_bob')
        if sizes is None or len(self.D) not in sizes:
            raise CalibrationError(
                f'distortion model {self.distortion_model!r} with {len(self.D)} coefficients is '
                f'not supported, expected one of {DISTORTION_SIZES}')

    @property
    def is_distorted(self) -> bool:
        """Raw pixels differ from rectified ones."""
        return bool(
            np.any(self.D) or not np.allclose(self.R, np.eye(3), atol=1e-9)
            or not np.allclose(self.K, self.P[:, :3], atol=1e-6))

    def rectified_camera(self) -> PinholeCamera:
        """
        Return the camera of the rectified image that is sent: P after roi and binning.

        A P of zero means that the driver publishes rectified images with K only.
        """
        matrix = self.P[:, :3] if self.P[0, 0] != 0 else self.K
        return self._as_sent(matrix)

    def raw_camera(self) -> PinholeCamera:
        """Return the camera of the unrectified image that is sent: K after roi and binning."""
        return self._as_sent(self.K)

    def _as_sent(self, matrix: NDArray[np.float64]) -> PinholeCamera:
        window_width = self.roi.width or self.width
        window_height = self.roi.height or self.height
        full = PinholeCamera(
            float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2]),
            self.height, self.width)
        window = full.cropped(
            top=self.roi.y_offset, left=self.roi.x_offset,
            height=window_height, width=window_width)
        bin_x, bin_y = max(self.binning_x, 1), max(self.binning_y, 1)
        if bin_x == bin_y == 1:
            return window
        # image_geometry's rule: binned pixel i covers raw pixels from i * binning on.
        return PinholeCamera(
            window.fx / bin_x, window.fy / bin_y, window.cx / bin_x, window.cy / bin_y,
            window_height // bin_y, window_width // bin_x)


def stereo_rig_from_calibrations(left: CameraCalibration, right: CameraCalibration) -> StereoRig:
    """
    Build the rig of a rectified pair; the baseline is -P_right[0, 3] / P_right[0, 0] in metres.

    A left camera with an offset of its own (KITTI's cam2 against cam0) is taken into account.

    Raises:
        CalibrationError: sizes or focal lengths differ, no projection, baseline below 1 cm.
    """
    if left.P[0, 0] == 0 or right.P[0, 0] == 0:
        raise CalibrationError(
            'camera_info P is zero: a stereo pair needs the projection of both rectified images; '
            'run stereo calibration')
    baseline_m = float(left.P[0, 3] / left.P[0, 0] - right.P[0, 3] / right.P[0, 0])
    return StereoRig(left.rectified_camera(), right.rectified_camera(), baseline_m)
