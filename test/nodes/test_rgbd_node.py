from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.ros


class DepthCamera:
    """Publishes colour, its calibration and registered depth."""

    def __init__(self, graph, camera, *, compressed=False):
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image

        kind = CompressedImage if compressed else Image
        suffixes = ('/compressed', '/compressedDepth') if compressed else ('', '')
        tester = graph.tester
        self.template, self.compressed, self.graph = camera, compressed, graph
        self.rgb = tester.create_publisher(kind, 'rgb/image_rect' + suffixes[0], 5)
        self.depth = tester.create_publisher(kind, 'depth/image_rect' + suffixes[1], 5)
        self.info = tester.create_publisher(CameraInfo, 'rgb/camera_info', 5)

    def connect(self):
        self.graph.wait(lambda: all(
            item.get_subscription_count() for item in (self.rgb, self.depth, self.info)))

    def depth_message(self, depth_m):
        from ssc_ros.messages.compressed_depth import encode_compressed_depth
        from ssc_ros.messages.depth import encode_depth

        header = self.template.header()
        if self.compressed:
            return encode_compressed_depth((depth_m * 1000).astype(np.uint16), header)
        return encode_depth(depth_m, header, '16UC1')

    def send(self, depth_m):
        self.template._compressed = self.compressed
        self.info.publish(self.template.info('left'))
        self.rgb.publish(self.template.image('left'))
        self.depth.publish(self.depth_message(depth_m))
        self.template.stamp_ns += 100_000_000


@pytest.fixture
def start_rgbd(graph, estimator):
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.rgbd_node import RgbdNode

    def start(**parameters):
        node = graph.add(RgbdNode(
            load=lambda *args, **kwargs: estimator,
            parameter_overrides=[Parameter(name.replace('__', '.'), value=value)
                                 for name, value in parameters.items()]))
        graph.wait(lambda: node.state == 'active')
        return node

    return start


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_colour_and_depth_reach_the_network_in_metres(
        graph, camera, start_rgbd, estimator, transport):
    node = start_rgbd(input__transport=transport)
    sensor = DepthCamera(graph, camera, compressed=transport == 'compressed')
    sensor.connect()
    depth_m = np.full((48, 64), 2.5, np.float32)
    depth_m[:10] = 0
    sensor.send(depth_m)
    graph.wait(lambda: node.totals.used['rgb'] == 1)
    np.testing.assert_allclose(estimator.frames[0].depth_m, depth_m, atol=1e-6)
    assert estimator.frames[0].frame_id == 'left_optical_frame'


def test_unregistered_depth_is_refused_and_registered_depth_heals(
        graph, camera, start_rgbd, capfd):
    node = start_rgbd()
    sensor = DepthCamera(graph, camera)
    sensor.connect()
    sensor.send(np.ones((24, 32), np.float32))
    graph.wait(lambda: node.totals.dropped.get('bad_image') == 2)
    assert 'registered' in capfd.readouterr().err
    sensor.send(np.ones((48, 64), np.float32))
    graph.wait(lambda: node.totals.used['depth'] == 1)


def test_measured_depth_gives_clearing_rays(graph, camera, start_rgbd, estimator, monkeypatch):
    from dataclasses import replace

    from sensor_msgs.msg import PointCloud2

    from ssc_ros.messages.cloud_reading import decode_cloud
    from ssc_ros.models.estimator import DummyEstimator

    def measure(self, frame):
        self.frames.append(frame)
        estimate = DummyEstimator.__call__(self, frame)
        return replace(estimate, depth_m=frame.depth_m, is_depth_measured=True)

    monkeypatch.setattr(type(estimator), '__call__', measure)
    node = start_rgbd()
    sensor = DepthCamera(graph, camera)
    sensor.connect()
    clearing = graph.collect(PointCloud2, '/rgbd_node/nav/clearing')
    graph.wait(lambda: any(item.topic_name == '/rgbd_node/nav/clearing'
                           and item.get_subscription_count() for item in node.publishers))
    depth_m = np.full((48, 64), 2.0, np.float32)
    depth_m[:, :32] = 0
    sensor.send(depth_m)
    points = decode_cloud(clearing.wait()[0])
    assert points.shape == (12 * 8,) and np.all(points['z'] == 2.0) and np.all(points['x'] > 0)


def test_classes_of_the_labelled_image_reach_late_joiners(graph, start_rgbd):
    import json

    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String

    node = start_rgbd()
    received = []
    graph.tester.create_subscription(
        String, '/rgbd_node/classes', received.append,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    graph.wait(lambda: received)
    table = json.loads(received[0].data)
    assert table['label_space'] == 'nyu12' and table['classes'][1]['name'] == 'floor'
    assert graph.transition(node, 'deactivate') and graph.transition(node, 'cleanup')
    assert not any(item.topic_name.endswith('classes') for item in node.publishers)
