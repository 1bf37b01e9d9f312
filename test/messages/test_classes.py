from __future__ import annotations

import os
import subprocess
import sys
from array import array

import numpy as np
import pytest

from ssc_ros.errors import MessageError
from ssc_ros.messages.classes import as_bytes, byte_array, message_class

# Run in a process of its own: the switch is read when the message classes are imported.
ENCODE_EVERYTHING = """
import os
import numpy as np
from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import load_label_space
from ssc_ros.messages import (camera_info, clouds, compressed, compressed_depth, depth, images,
                              label_images, marker_parts, markers, occupancy, odometry, volumes)
from ssc_ros.messages.headers import make_header
from sensor_msgs.msg import Image

try:
    Image().data = np.zeros(3)
except AssertionError:
    pass
else:
    raise SystemExit('field checks are off')
header = make_header(12_345_678_901, 'camera')
space = load_label_space('nyu12')
grid = VoxelGrid((0.0, 0.0, 0.0), 0.1, (3, 3, 3))
labels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3) % 12
for encoding, pixel_format in images.ENCODINGS.items():
    shape = (2, 3) if pixel_format.channels == 1 else (2, 3, pixel_format.channels)
    images.encode_image(np.zeros(shape, pixel_format.dtype), encoding, header)
compressed.encode_compressed_image(np.zeros((4, 4, 3), np.uint8), header)
compressed_depth.encode_compressed_depth(np.zeros((4, 4), np.float32), header)
depth.encode_depth(np.zeros((4, 4), np.float32), header)
clouds.encode_cloud(clouds.semantic_points(np.zeros((27, 3)), labels.reshape(-1), space), header)
camera_info.encode_camera_info(
    CameraCalibration(4, 4, np.eye(3), np.zeros(5), np.eye(3), np.eye(4)[:3]), header)
label_images.encode_label_image(labels[0], header)
label_images.encode_label_color(labels[0], space, header)
volumes.encode_label_volume(labels, header)
odometry.encode_odometry(np.eye(4), header, 'child')
odometry.encode_transform(np.eye(4), header, 'child')
costs = occupancy.occupancy_costs(
    labels, grid, occupancy.class_costs(space), occupancy.HeightBand(0.0, 1.0))
occupancy.encode_occupancy_grid(costs, grid, np.eye(4), header)
for make_parts in (marker_parts.cube_parts, marker_parts.mesh_parts):
    parts = make_parts(labels, grid, space, labels > 0)
    markers.build_marker_array(markers.Markers(parts, 1, 'camera'))
"""


@pytest.mark.ros
def test_every_encoder_passes_the_field_checks_of_rclpy(root):
    environment = {**os.environ, 'ROS_PYTHON_CHECK_FIELDS': '1', 'PYTHONPATH': str(root)}
    subprocess.run(
        [sys.executable, '-c', ENCODE_EVERYTHING], env=environment, check=True, timeout=120)


def test_decoding_needs_no_ros_installation(root):
    code = (
        'import sys\n'
        'for name in ("rclpy", "sensor_msgs", "std_msgs", "cv_bridge", "torch"):\n'
        '    sys.modules[name] = None\n'
        'from ssc_ros.messages import camera_info, clouds, inputs, markers, occupancy\n'
        'from ssc_ros.messages import odometry, volumes\n')
    subprocess.run([sys.executable, '-c', code], cwd=root, check=True, timeout=120)


def test_a_missing_message_package_says_what_to_install():
    with pytest.raises(MessageError, match='pip install ros-no-such-msgs'):
        message_class('no_such_msgs/Thing')


def test_bytes_become_the_array_that_rclpy_takes_as_it_is():
    data = byte_array(np.array([[1, 2], [3, 4]], '<u2')[:, ::-1])
    assert data.typecode == 'B' and list(data) == [2, 0, 1, 0, 4, 0, 3, 0]
    assert byte_array(b'ab') == array('B', b'ab')
    np.testing.assert_array_equal(as_bytes(data), [2, 0, 1, 0, 4, 0, 3, 0])
