"""
Broken messages through a real middleware to a live node, which goes on with the next good frame.

1,000 messages on every input; SSC_ROS_FUZZ_WIRE=20000 takes two minutes.
"""

from __future__ import annotations

import itertools
import os

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(1500)]

COUNT = int(os.environ.get('SSC_ROS_FUZZ_WIRE', '1000'))
BURST = 250
PERIOD_NS = 50_000_000
# Name of the input, and whether images are compressed.
INPUTS = [('rgb', False), ('depth', False), ('info', False), ('odom', False),
          ('rgb', True), ('depth', True)]


class Clock:
    """Stamps that rise by the period of a camera."""

    now_ns = 10**12

    def __iter__(self):
        return self

    def __next__(self):
        self.now_ns += PERIOD_NS
        return self.now_ns


class Camera:
    """Publishes on all inputs of an RGB-D node, reliably, so that every message gets there."""

    def __init__(self, graph, samples, compressed):
        from nav_msgs.msg import Odometry
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image

        image = CompressedImage if compressed else Image
        self.topics = {
            'info': (CameraInfo, 'rgb/camera_info'), 'odom': (Odometry, 'odom'),
            'depth': (image, 'depth/image_rect' + '/compressedDepth' * compressed),
            'rgb': (image, 'rgb/image_rect' + '/compressed' * compressed)}
        self.good = {
            'info': samples.good_info(), 'odom': samples.odometry_samples()[0],
            'depth': samples.good_depth(compressed=compressed),
            'rgb': samples.good_color(compressed=compressed)}
        self.publishers = {name: graph.tester.create_publisher(kind, topic, 2 * BURST)
                           for name, (kind, topic) in self.topics.items()}

    def send_good(self, stamp_ns, names=('info', 'odom', 'depth', 'rgb')):
        """Send one frame with its calibration and pose, or only some of it."""
        for name in names:
            stamp = self.good[name].header.stamp
            stamp.sec, stamp.nanosec = divmod(stamp_ns, 10**9)
            self.publishers[name].publish(self.good[name])


@pytest.fixture
def start(graph, samples):
    """Return a starter of a node and of the camera that it hears."""
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.rgbd_node import RgbdNode

    def start(compressed):
        camera = Camera(graph, samples, compressed)
        values = {'pose.source': 'odometry', 'pose.timeout_ms': 20.0,
                  'input.transport': 'compressed' if compressed else 'raw'}
        for _, topic in camera.topics.values():
            prefix = f'qos_overrides./{topic}.subscription'
            values |= {f'{prefix}.reliability': 'reliable', f'{prefix}.depth': 2 * BURST}
        node = graph.add(RgbdNode(
            load=lambda *_, **__: samples.quick_estimator(),
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()]))
        graph.wait(lambda: node.state == 'active')
        graph.wait(lambda: all(
            publisher.get_subscription_count() for publisher in camera.publishers.values()))
        return node, camera

    return start


def good_messages(samples, name, compressed):
    """Return what is damaged."""
    if name == 'rgb':
        return samples.compressed_samples() if compressed else samples.image_samples(
            samples.COLORS)
    if name == 'depth':
        return samples.compressed_depth_samples() if compressed else samples.image_samples(
            samples.DEPTHS)
    return samples.info_samples() if name == 'info' else samples.odometry_samples()


def expect_used(graph, node, camera, clock):
    """Send good frames until one is used: stray stamps of the future may cost the first."""
    used = node.totals.used['rgb']

    def is_used():
        camera.send_good(next(clock))
        try:
            return graph.wait(lambda: node.totals.used['rgb'] > used, 0.5)
        except AssertionError:
            return False

    graph.wait(is_used, 60.0)


def partners(name, sent):
    """Return what is sent with a broken message: the other image, or now and then both."""
    if name in ('rgb', 'depth'):
        return ('depth',) if name == 'rgb' else ('rgb',)
    return ('depth', 'rgb') if sent % 10 == 0 else ()


@pytest.mark.parametrize(('name', 'compressed'), INPUTS)
def test_after_every_burst_of_broken_messages_the_next_good_frame_is_used(
        graph, start, samples, fuzzing, capfd, name, compressed):
    from std_srvs.srv import Trigger

    node, camera = start(compressed)
    clock = Clock()
    broken = fuzzing.broken_bytes(good_messages(samples, name, compressed), clock, 17)
    expect_used(graph, node, camera, clock)
    sent = 0
    while sent < COUNT:
        for data in itertools.islice(broken, BURST):
            camera.publishers[name].publish(data)
            sent += 1
            camera.send_good(clock.now_ns, partners(name, sent))
        expect_used(graph, node, camera, clock)
    capfd.readouterr()  # what libjpeg and the node say about broken messages
    assert graph.call(Trigger, '/rgbd_node/reset').success
    graph.wait(lambda: node.totals.pending == 0)
    totals = node.totals
    assert node.state == 'active' and not set(totals.dropped) - samples.REASONS, totals
    if name == 'info':
        assert totals.dropped['bad_calibration'] > 0
    elif name == 'odom':
        assert node.reporter.counts['bad_odometry', '/odom'] > 0
    else:
        assert totals.received[name] > COUNT / 3 and totals.dropped['bad_message'] > 0
