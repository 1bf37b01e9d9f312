"""The decoders read what rosbags deserialises just as what rclpy delivers."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.geometry.transforms import make_rigid
from ssc_ros.messages.camera_info import decode_camera_info, encode_camera_info
from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud
from ssc_ros.messages.clouds import POINT_CLOUD
from ssc_ros.messages.compressed import encode_compressed_image
from ssc_ros.messages.compressed_depth import encode_compressed_depth
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import encode_image
from ssc_ros.messages.inputs import read_color, read_depth
from ssc_ros.messages.marker_parts import cube_parts
from ssc_ros.messages.markers import MARKER_ARRAY, Markers
from ssc_ros.messages.odometry import decode_odometry, encode_odometry
from ssc_ros.messages.volumes import decode_label_volume, encode_label_volume
from ssc_ros.messages.voxels import occupied_mask, voxel_cloud

pytestmark = pytest.mark.ros
PICTURE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.fixture(scope='module')
def reread():
    """Return a function that hands an rclpy message, or its bytes, through rosbags."""
    typesys = pytest.importorskip('rosbags.typesys')
    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)

    def read(msg, name):
        from rclpy.serialization import serialize_message
        data = msg if isinstance(msg, bytes) else serialize_message(msg)
        return store.deserialize_cdr(data, name)

    return read


@pytest.fixture
def header():
    return make_header(12_345_678_901, 'camera')


def test_images(reread, header):
    raw = reread(encode_image(PICTURE, 'bgr8', header), 'sensor_msgs/msg/Image')
    np.testing.assert_array_equal(read_color(raw), PICTURE[..., ::-1])
    png = reread(
        encode_compressed_image(PICTURE, header, codec='png'), 'sensor_msgs/msg/CompressedImage')
    np.testing.assert_array_equal(read_color(png), PICTURE)
    depth = reread(encode_compressed_depth(PICTURE[..., 0].astype(np.uint16), header),
                   'sensor_msgs/msg/CompressedImage')
    np.testing.assert_allclose(read_depth(depth), PICTURE[..., 0] / 1000, atol=1e-6)


def test_label_volumes(reread, header, estimate):
    msg = reread(encode_label_volume(estimate.labels, header), 'sensor_msgs/msg/Image')
    np.testing.assert_array_equal(
        decode_label_volume(msg, estimate.grid.shape), estimate.labels)


def test_calibrations_and_poses(reread, header):
    calibration = CameraCalibration(
        640, 480, np.diag([500.0, 500, 1]), np.zeros(5), np.eye(3), np.eye(4)[:3] * 500)
    info = decode_camera_info(
        reread(encode_camera_info(calibration, header), 'sensor_msgs/msg/CameraInfo'))
    np.testing.assert_array_equal(info.P, calibration.P)
    T = make_rigid([[0, -1, 0], [1, 0, 0], [0, 0, 1]], [1, 2, 3])
    pose = decode_odometry(
        reread(encode_odometry(T, header, 'base_link'), 'nav_msgs/msg/Odometry'))
    np.testing.assert_allclose(pose.T_parent_child, T, atol=1e-12)
    assert (pose.stamp_ns, pose.child_frame_id) == (12_345_678_901, 'base_link')


def test_clouds_written_as_bytes(reread, header, estimate):
    cloud = voxel_cloud(estimate)
    msg = reread(POINT_CLOUD.encode(cloud, header), 'sensor_msgs/msg/PointCloud2')
    np.testing.assert_array_equal(cloud_xyz(decode_cloud(msg)), cloud_xyz(cloud))


def test_markers_written_as_bytes(reread, estimate):
    markers = Markers(cube_parts(
        estimate.labels, estimate.grid, estimate.label_space,
        occupied_mask(estimate.labels, estimate.label_space)), 1, 'map')
    array = reread(MARKER_ARRAY.encode(markers), 'visualization_msgs/msg/MarkerArray')
    assert [marker.ns for marker in array.markers] == list(estimate.label_space.names[1:])
    last = array.markers[-1].points[-1]
    assert [last.x, last.y, last.z] == markers.parts[-1].points[-1].tolist()
