"""
A stereo camera in a process of its own, with a listener for every output of stereo_node.

Used by the node benchmarks: python benchmarks/stereo_camera.py --rate 30
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import rclpy
from nav_msgs.msg import OccupancyGrid
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.messages.camera_info import encode_camera_info
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import encode_image

BASELINE_M = 0.12
OUTPUTS = {'voxels/points': PointCloud2, 'voxels/markers': MarkerArray, 'label_image': Image,
           'depth': Image, 'occupancy_grid': OccupancyGrid}


class StereoCamera(Node):
    """Publishes the same noisy pair with new stamps, and throws every answer away."""

    def __init__(self, rate_hz: float, height: int, width: int) -> None:
        super().__init__('stereo_camera')
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 255, (height, width, 3), np.uint8)
        header = make_header(0, 'left_optical_frame')
        self._message = encode_image(pixels, 'rgb8', header)
        self._calibrations = {side: calibration(height, width, baseline_m)
                              for side, baseline_m in (('left', 0.0), ('right', BASELINE_M))}
        self._images = {side: self.create_publisher(Image, f'{side}/image_rect', 5)
                        for side in self._calibrations}
        self._infos = {side: self.create_publisher(CameraInfo, f'{side}/camera_info', 5)
                       for side in self._calibrations}
        for name, kind in OUTPUTS.items():
            self.create_subscription(
                kind, f'stereo_node/{name}', lambda data: None, QoSProfile(depth=1), raw=True)
        self.create_timer(1 / rate_hz, self._publish)

    def _publish(self) -> None:
        stamp = self.get_clock().now().to_msg()
        for side, calibrated in self._calibrations.items():
            self._message.header.stamp = stamp
            self._infos[side].publish(encode_camera_info(calibrated, self._message.header))
            self._images[side].publish(self._message)


def calibration(height: int, width: int, baseline_m: float) -> CameraCalibration:
    """Return a rectified camera of about 60 degrees; a baseline makes it the right one."""
    focal = 0.81 * width
    intrinsics = np.array(
        [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    projection = np.hstack([intrinsics, [[-focal * baseline_m], [0], [0]]])
    return CameraCalibration(
        width=width, height=height, K=intrinsics, D=np.zeros(5), R=np.eye(3), P=projection)


def main() -> None:
    """Publish until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rate', type=float, default=2.0, help='pairs per second')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    arguments = parser.parse_args()
    time.sleep(0.1)
    rclpy.init()
    try:
        rclpy.spin(StereoCamera(arguments.rate, *arguments.size))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
