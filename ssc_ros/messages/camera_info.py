"""sensor_msgs/CameraInfo to CameraCalibration and back."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import MessageError
from ssc_ros.geometry.calibration import CameraCalibration, RegionOfInterest
from ssc_ros.messages.classes import new_message


def decode_camera_info(msg: Any) -> CameraCalibration:
    """
    Return the calibration of a sensor_msgs/CameraInfo.

    An R of zero, which many drivers leave, means no rotation.

    Raises:
        MessageError: the size is zero or the window of ``roi`` leaves the image.
        CalibrationError: the camera is not calibrated or its model is unknown.
    """
    width, height = int(msg.width), int(msg.height)
    if width <= 0 or height <= 0:
        raise MessageError(
            f'camera_info says {width}x{height} pixels, expected the size of the image: '
            'check the camera driver and its calibration file')
    roi = RegionOfInterest(
        int(msg.roi.x_offset), int(msg.roi.y_offset), int(msg.roi.height), int(msg.roi.width))
    if roi.x_offset + roi.width > width or roi.y_offset + roi.height > height:
        raise MessageError(
            f'camera_info roi {roi} leaves the image of {width}x{height} pixels: '
            'roi is in pixels of the full sensor image, check the camera driver')
    rotation = _matrix(msg.r, (3, 3), 'r')
    return CameraCalibration(
        width=width, height=height, K=_matrix(msg.k, (3, 3), 'k'),
        D=np.asarray(msg.d, np.float64).reshape(-1),
        R=rotation if rotation.any() else np.eye(3), P=_matrix(msg.p, (3, 4), 'p'),
        distortion_model=msg.distortion_model, binning_x=int(msg.binning_x),
        binning_y=int(msg.binning_y), roi=roi)


def encode_camera_info(calibration: CameraCalibration, header: Any) -> Any:
    """Return a sensor_msgs/CameraInfo."""
    roi = calibration.roi
    return new_message(
        'sensor_msgs/CameraInfo', header=header, height=calibration.height,
        width=calibration.width, distortion_model=calibration.distortion_model,
        d=array('d', calibration.D), k=calibration.K.reshape(-1), r=calibration.R.reshape(-1),
        p=calibration.P.reshape(-1), binning_x=calibration.binning_x,
        binning_y=calibration.binning_y,
        roi=new_message(
            'sensor_msgs/RegionOfInterest', x_offset=roi.x_offset, y_offset=roi.y_offset,
            height=roi.height, width=roi.width))


def _matrix(values: ArrayLike, shape: tuple[int, int], name: str) -> NDArray[np.float64]:
    flat = np.asarray(values, np.float64).reshape(-1)
    if flat.size != shape[0] * shape[1]:
        raise MessageError(
            f'camera_info {name} has {flat.size} values, expected {shape[0] * shape[1]}: '
            'check the calibration file of the camera')
    return flat.reshape(shape)
