"""What is published as bytes arrives as the message of objects."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ssc_ros.messages.clouds import POINT_CLOUD, encode_cloud
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.marker_parts import cube_parts, mesh_parts
from ssc_ros.messages.markers import MARKER_ARRAY, Markers, build_marker_array
from ssc_ros.messages.voxels import occupied_mask, voxel_cloud

pytestmark = pytest.mark.ros


@pytest.fixture
def deliver():
    """Return a function that publishes on a real topic and returns what a subscriber got."""
    rclpy = pytest.importorskip('rclpy')
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('publishing_test', context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def publish_and_receive(kind, payload):
        received = []
        publisher = node.create_publisher(kind, 'topic', 1)
        node.create_subscription(kind, 'topic', received.append, 1)
        deadline = time.monotonic() + 30
        while not received and time.monotonic() < deadline:
            if publisher.get_subscription_count():
                publisher.publish(payload)
            executor.spin_once(timeout_sec=0.2)
        return received[0]

    yield publish_and_receive
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


def test_clouds(deliver, estimate):
    from sensor_msgs.msg import PointCloud2
    cloud, header = voxel_cloud(estimate), make_header(1, 'camera')
    assert deliver(PointCloud2, POINT_CLOUD.encode(cloud, header)) == encode_cloud(cloud, header)


@pytest.mark.parametrize('make_parts', [cube_parts, mesh_parts])
def test_markers(deliver, estimate, make_parts):
    from rclpy.serialization import deserialize_message, serialize_message
    from visualization_msgs.msg import MarkerArray
    is_shown = occupied_mask(estimate.labels, estimate.label_space)
    is_shown &= np.random.default_rng(0).random(estimate.grid.shape) < 0.02
    markers = Markers(
        make_parts(estimate.labels, estimate.grid, estimate.label_space, is_shown), 5, 'odom',
        estimate.T_camera_voxel)
    received = deliver(MarkerArray, MARKER_ARRAY.encode(markers))
    # Through bytes, as the colours of the objects become float32 only there.
    sent = deserialize_message(serialize_message(build_marker_array(markers)), MarkerArray)
    assert received == sent
