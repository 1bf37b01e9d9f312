"""The watchdog over DDS: each trouble is made for real, named within five seconds, and mended."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytestmark = [
    pytest.mark.ros,
    # rclpy's own callback of incompatible QoS calls a method that rclpy deprecates.
    pytest.mark.filterwarnings('ignore:Deprecated in favor of:DeprecationWarning'),
]

CLOUD = '/stereo_node/voxels/points'


class Watched:
    """Diagnostics of the node, and its log."""

    def __init__(self, graph, capfd):
        from diagnostic_msgs.msg import DiagnosticArray

        self._graph, self._capfd = graph, capfd
        self._reports = graph.collect(DiagnosticArray, '/diagnostics')
        self._log = ''

    @property
    def log(self):
        self._log += self._capfd.readouterr().err
        return self._log

    def lines(self, words):
        return [line for line in self.log.splitlines() if 'watchdog:' in line and words in line]

    @property
    def status(self):
        return self._reports.messages[-1].status[0] if self._reports.messages else None

    def value(self, key):
        status = self.status
        return status and {item.key: item.value for item in status.values}[key]

    def wait_for(self, cause, *, keep=lambda: None):
        """Wait for the log line and the diagnostics of a cause; returns them."""
        def has_come():
            keep()
            time.sleep(0.05)
            return self.lines(f'({cause})') and self.value('watchdog') == cause

        self._graph.wait(has_come)
        return self.lines(f'({cause})')[0], self.status


@pytest.fixture
def watched(graph, capfd):
    return Watched(graph, capfd)


def level(status):
    from diagnostic_msgs.msg import DiagnosticStatus

    names = ('OK', 'WARN', 'ERROR', 'STALE')
    return {getattr(DiagnosticStatus, name): name for name in names}[status.level]


def run_until_healed(graph, watched, send):
    def is_healed():
        send()
        time.sleep(0.05)
        return watched.lines('healed after') and watched.value('watchdog') == 'content'

    graph.wait(is_healed)
    assert len(watched.lines('healed after')) == 1


def subscribe(graph, topic=CLOUD):
    from sensor_msgs.msg import PointCloud2

    return graph.collect(PointCloud2, topic)


def test_without_a_publisher_the_topics_are_named_and_the_camera_heals_it(
        graph, start_stereo, watched, request):
    subscribe(graph)
    start_stereo()
    line, status = watched.wait_for('no_publisher')
    assert '/left/image_rect, /right/image_rect: start the camera driver' in line
    assert level(status) == 'WARN' and status.message in line
    camera = request.getfixturevalue('camera')
    camera.connect()
    run_until_healed(graph, watched, camera.send)
    assert level(watched.status) == 'OK' and len(watched.lines('(no_publisher)')) == 2


def test_incompatible_quality_of_service_is_told_with_the_policy(
        graph, start_stereo, watched, camera):
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image

    graph.tester.destroy_publisher(camera.images['left'])
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    camera.images['left'] = graph.tester.create_publisher(Image, 'left/image_rect', qos)
    subscribe(graph)
    start_stereo(**{'qos_overrides./left/image_rect.subscription.reliability': 'reliable'})
    line, _ = watched.wait_for('incompatible_qos', keep=camera.send)
    assert 'tester publishes /left/image_rect' in line and 'reliable subscription' in line
    graph.tester.destroy_publisher(camera.images['left'])
    camera.images['left'] = graph.tester.create_publisher(Image, 'left/image_rect', 5)
    run_until_healed(graph, watched, camera.send)


def test_a_subscriber_whose_quality_of_service_does_not_suit_is_named(
        graph, start_stereo, watched, camera):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from sensor_msgs.msg import PointCloud2

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    graph.tester.create_subscription(PointCloud2, CLOUD, lambda message: None, latched)
    start_stereo()
    camera.connect()
    line, _ = watched.wait_for('incompatible_qos', keep=camera.send)
    assert f'the subscription of /tester to {CLOUD}' in line


@pytest.fixture
def stranger(graph):
    """Return a node of another process, as far as the middleware can tell."""
    import rclpy
    from rclpy.node import Node

    context = rclpy.Context()
    rclpy.init(context=context)
    node = Node('stranger', context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_another_type_on_the_topic_is_told(graph, start_stereo, watched, stranger):
    from sensor_msgs.msg import CompressedImage

    for side in ('left', 'right'):
        stranger.create_publisher(CompressedImage, f'{side}/image_rect', 5)
    subscribe(graph)
    start_stereo()
    line, _ = watched.wait_for('wrong_type')
    assert '/stranger publishes /left/image_rect as' in line
    assert 'CompressedImage but sensor_msgs/msg/Image is wanted' in line


def test_odometry_of_another_frame_is_told_with_both_frames(
        graph, start_stereo, watched, camera):
    from nav_msgs.msg import Odometry

    odometry = graph.tester.create_publisher(Odometry, 'odom', 5)
    subscribe(graph)
    start_stereo(pose__source='odometry', pose__timeout_ms=10.0)
    camera.connect()

    def send(frame='base_link'):
        message = Odometry(header=camera.header(), child_frame_id=frame)
        message.header.frame_id = 'odom'
        message.pose.pose.orientation.x = -np.sqrt(0.5)
        message.pose.pose.orientation.w = np.sqrt(0.5)
        message.pose.pose.position.z = 1.2
        odometry.publish(message)
        camera.send()

    line, _ = watched.wait_for('no_pose', keep=send)
    assert "moves frame 'base_link' but the image is in 'left_optical_frame'" in line
    run_until_healed(graph, watched, lambda: send('left_optical_frame'))


def test_depth_in_another_frame_than_colour_is_told_although_frames_come_out(
        graph, camera, watched, estimator):
    from rclpy.parameter import Parameter
    from sensor_msgs.msg import CameraInfo, Image

    from ssc_ros.messages.depth import encode_depth
    from ssc_ros.nodes.rgbd_node import RgbdNode

    tester = graph.tester
    rgb = tester.create_publisher(Image, 'rgb/image_rect', 5)
    depth = tester.create_publisher(Image, 'depth/image_rect', 5)
    info = tester.create_publisher(CameraInfo, 'rgb/camera_info', 5)
    subscribe(graph, '/rgbd_node/voxels/points')
    graph.add(RgbdNode(load=lambda *args, **kwargs: estimator, parameter_overrides=[
        Parameter('model.weights', value='dummy')]))

    def send():
        info.publish(camera.info('left'))
        rgb.publish(camera.image('left'))
        message = encode_depth(np.full(camera.size, 2.0, np.float32), camera.header(), '16UC1')
        message.header.frame_id = 'depth_optical_frame'
        depth.publish(message)
        camera.stamp_ns += 100_000_000

    line, status = watched.wait_for('frames_differ', keep=send)
    assert "'left_optical_frame' but /depth/image_rect in 'depth_optical_frame'" in line
    assert level(status) == 'WARN' and estimator.frames


def test_a_simulated_clock_that_never_ran_is_told(graph, start_stereo, watched):
    from rosgraph_msgs.msg import Clock

    start_stereo(use_sim_time=True)
    line, _ = watched.wait_for('no_clock')
    assert 'nothing came on /clock' in line
    clock = graph.tester.create_publisher(Clock, '/clock', 5)

    def tick():
        message = Clock()
        message.clock.sec = 1000
        clock.publish(message)
        time.sleep(0.05)
        return watched.value('watchdog') == 'no_publisher'

    graph.wait(tick)


def test_stamps_that_run_apart_are_told_in_milliseconds(graph, start_stereo, watched, camera):
    subscribe(graph)
    start_stereo(sync__tolerance_ms=5.0)
    camera.connect()

    def send_apart():
        camera.send_info()
        late = camera.image('right')
        late.header.stamp.nanosec += 40_000_000
        camera.send_images(right=late)

    line, _ = watched.wait_for('stamps_apart', keep=send_apart)
    assert 'stamps 40 ms apart but sync.tolerance_ms allows 5' in line
    run_until_healed(graph, watched, camera.send)


def test_a_missing_calibration_is_told(graph, start_stereo, watched, camera):
    for publisher in camera.infos.values():
        graph.tester.destroy_publisher(publisher)
    subscribe(graph)
    start_stereo()
    line, _ = watched.wait_for('no_calibration', keep=camera.send_images)
    assert 'nothing publishes /left/camera_info, /right/camera_info' in line


def test_a_calibration_of_zeros_is_told(graph, start_stereo, watched, camera):
    subscribe(graph)
    start_stereo()
    camera.connect()
    infos = {side: camera.info(side) for side in ('left', 'right')}
    for info in infos.values():
        info.k, info.p = np.zeros(9), np.zeros(12)

    def send():
        camera.send_info(**infos)
        camera.send_images()

    line, _ = watched.wait_for('no_calibration', keep=send)
    assert '/left/camera_info' in line and 'calibrat' in line
    run_until_healed(graph, watched, camera.send)


def test_a_network_that_fails_on_every_frame_is_quoted(
        graph, start_stereo, watched, camera, estimator):
    estimator.error = RuntimeError('out of luck')
    subscribe(graph)
    start_stereo()
    camera.connect()
    line, _ = watched.wait_for('refused', keep=camera.send)
    assert 'RuntimeError: out of luck' in line
    estimator.error = None
    run_until_healed(graph, watched, camera.send)


def test_images_without_a_stamp_are_told_as_such(graph, start_stereo, watched, camera):
    subscribe(graph)
    start_stereo()
    camera.connect()

    def send():
        camera.send_info()
        left = camera.image('left')
        left.header.stamp.sec = left.header.stamp.nanosec = 0
        camera.send_images(left=left)

    line, _ = watched.wait_for('refused', keep=send)
    assert '/left/image_rect: image with stamp 0: the camera driver must set' in line


def test_nobody_who_subscribes_is_told_but_is_no_fault(graph, start_stereo, watched, camera):
    start_stereo()
    camera.connect()
    line, status = watched.wait_for('nobody_listens', keep=camera.send)
    assert line.startswith('[INFO]') and level(status) == 'OK'
    assert 'nobody subscribes to any output of /stereo_node' in status.message
    subscribe(graph)

    def is_content():
        camera.send()
        time.sleep(0.05)
        return watched.value('watchdog') == 'content'

    graph.wait(is_content)


def test_a_node_that_waits_for_its_manager_says_so(graph, start_stereo, watched):
    node = start_stereo(autostart=False)
    line, status = watched.wait_for('not_loaded')
    assert 'ros2 lifecycle set /stereo_node configure' in line and level(status) == 'OK'
    assert graph.transition(node, 'configure')
    assert 'ros2 lifecycle set /stereo_node activate' in watched.wait_for('inactive')[0]


def test_a_model_that_cannot_be_loaded_is_quoted(graph, watched, capfd):
    from ssc_ros.errors import WeightsError
    from ssc_ros.nodes.stereo_node import StereoNode

    def fail(*args, **kwargs):
        raise WeightsError('no bundle x: fetch it')

    graph.add(StereoNode(load=fail))
    line, status = watched.wait_for('not_loaded')
    assert 'no bundle x: fetch it; once that is mended, ros2 lifecycle set' in line
    assert level(status) == 'ERROR'


def test_a_node_that_the_graph_does_not_know_yet_is_told_in_words():
    from types import SimpleNamespace

    from ssc_ros.nodes.watchdog_senses import full_name

    unknown = SimpleNamespace(
        node_namespace='_NODE_NAMESPACE_UNKNOWN_', node_name='_NODE_NAME_UNKNOWN_')
    assert full_name(unknown) == 'a node that is not known yet'
    assert full_name(SimpleNamespace(node_namespace='/', node_name='camera')) == '/camera'
