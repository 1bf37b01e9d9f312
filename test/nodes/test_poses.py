from __future__ import annotations

import sys
import time
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.nodes.settings import PoseParameters

pytestmark = pytest.mark.ros

STAMP_NS = 1_000_000_000_000
MS = 1_000_000


@pytest.fixture
def odometry(graph):
    """Return a source fed by a real topic and a function that publishes a camera height."""
    from nav_msgs.msg import Odometry
    from rclpy.node import Node

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.odometry import encode_odometry
    from ssc_ros.nodes.poses import create_pose_source
    from ssc_ros.nodes.reporting import ThrottledReporter

    node = Node('listener')
    node.close = lambda: None
    graph.add(node)
    values = SimpleNamespace(current=PoseParameters(source='odometry', timeout_ms=2000.0))
    reports = []
    source = create_pose_source(node, lambda: values.current, ThrottledReporter(reports.append))
    publisher = graph.tester.create_publisher(Odometry, 'odom', 10)
    graph.wait(publisher.get_subscription_count)

    def publish(height_m, stamp_ns=STAMP_NS, child='camera'):
        pose = level_camera_pose(height_m=height_m, pitch_rad=0.3)
        publisher.publish(encode_odometry(pose, make_header(stamp_ns, 'odom'), child))

    return SimpleNamespace(source=source, publish=publish, values=values, reports=reports,
                           publisher=publisher, node=node)


def test_fixed_poses_follow_their_parameters():
    from ssc_ros.nodes.poses import FixedPose

    parameters = PoseParameters(camera_height_m=0.8, camera_pitch_deg=10.0, camera_roll_deg=-5.0)
    pose = FixedPose(lambda: parameters).pose_at(0, 'anything')
    expected = level_camera_pose(
        height_m=0.8, pitch_rad=np.radians(10.0), roll_rad=np.radians(-5.0))
    np.testing.assert_allclose(pose, expected)


def test_the_nearest_odometry_is_taken_once_a_newer_one_is_known(odometry):
    for height_m, offset in ((1.0, -30 * MS), (1.1, -4 * MS), (1.2, 9 * MS)):
        odometry.publish(height_m, STAMP_NS + offset)
    pose = odometry.source.pose_at(STAMP_NS, 'camera')
    np.testing.assert_allclose(pose, level_camera_pose(height_m=1.1, pitch_rad=0.3), atol=1e-9)


def test_the_floor_of_the_world_can_lie_elsewhere(odometry):
    odometry.values.current = PoseParameters(
        source='odometry', floor_z_m=-0.4, timeout_ms=2000.0)
    odometry.publish(1.0)
    assert odometry.source.pose_at(STAMP_NS, 'camera')[2, 3] == pytest.approx(1.4)


def test_it_waits_for_odometry_that_is_on_its_way(odometry):
    import threading

    threading.Timer(0.1, odometry.publish, [1.0]).start()
    assert odometry.source.pose_at(STAMP_NS, 'camera')[2, 3] == pytest.approx(1.0)


@pytest.mark.parametrize(('offset_ms', 'child', 'words'), [
    (-80, 'camera', '80 ms away'), (0, 'base_link', "'base_link'")])
def test_unfit_odometry_is_refused_with_the_remedy(odometry, offset_ms, child, words):
    odometry.values.current = PoseParameters(source='odometry', timeout_ms=200.0)
    odometry.publish(1.0, STAMP_NS + offset_ms * MS, child)
    with pytest.raises(DataError, match=words):
        odometry.source.pose_at(STAMP_NS, 'camera')


def test_missing_odometry_is_named_after_the_timeout(odometry):
    odometry.values.current = PoseParameters(source='odometry', timeout_ms=50.0)
    started = time.monotonic()
    with pytest.raises(DataError, match='no odometry on topic /odom'):
        odometry.source.pose_at(STAMP_NS, 'camera')
    assert time.monotonic() - started >= 0.05


def test_broken_odometry_is_reported_and_ignored(graph, odometry):
    from nav_msgs.msg import Odometry

    message = Odometry()
    message.pose.pose.orientation.w = 0.0
    odometry.publisher.publish(message)
    graph.wait(lambda: odometry.reports)
    assert 'bad_odometry' in odometry.reports[0]
    odometry.publish(1.0)
    assert odometry.source.pose_at(STAMP_NS, 'camera')[2, 3] == pytest.approx(1.0)


def test_odometry_of_a_looped_bag_replaces_the_old_one(odometry):
    odometry.publish(1.0, STAMP_NS + 10_000 * MS)
    odometry.source.pose_at(STAMP_NS + 10_000 * MS, 'camera')
    odometry.publish(0.5, STAMP_NS)
    odometry.publish(0.6, STAMP_NS + 100 * MS)
    time.sleep(0.2)
    assert odometry.source.pose_at(STAMP_NS, 'camera')[2, 3] == pytest.approx(0.5)


def test_closing_releases_a_waiting_call(odometry):
    import threading

    odometry.values.current = PoseParameters(source='odometry', timeout_ms=5000.0)
    threading.Timer(0.1, odometry.source.close).start()
    started = time.monotonic()
    with pytest.raises(DataError):
        odometry.source.pose_at(STAMP_NS, 'camera')
    assert time.monotonic() - started < 4.0


def test_the_node_skips_frames_without_a_pose_and_recovers(
        graph, camera, start_stereo, estimator):
    from nav_msgs.msg import Odometry

    from ssc_ros.messages.odometry import encode_odometry

    node = start_stereo(pose__source='odometry', pose__timeout_ms=20.0)
    camera.connect()
    camera.send()
    graph.wait(lambda: node.totals.dropped.get('no_pose') == 2)
    publisher = graph.tester.create_publisher(Odometry, 'odom', 10)
    graph.wait(publisher.get_subscription_count)
    publisher.publish(encode_odometry(
        level_camera_pose(height_m=0.7), camera.header(), 'left_optical_frame'))
    camera.send()
    graph.wait(lambda: node.totals.used['left'] == 1)


class FakeTransformError(Exception):
    pass


@pytest.fixture
def fake_tf2(monkeypatch):
    """Stand in for tf2_ros, which has no wheel; the real one is met on ROS installations."""
    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.odometry import encode_transform

    class Buffer:
        def lookup_transform(self, target, source, stamp, timeout):
            if source != 'camera':
                raise FakeTransformError(f'"{source}" does not exist')
            assert timeout.nanoseconds == 100 * MS
            return encode_transform(level_camera_pose(height_m=1.5),
                                    make_header(stamp.nanoseconds, target), source)

    module = ModuleType('tf2_ros')
    module.Buffer, module.TransformException = Buffer, FakeTransformError
    module.TransformListener = lambda buffer, node: SimpleNamespace(unregister=lambda: None)
    monkeypatch.setitem(sys.modules, 'tf2_ros', module)


def make_tf_source():
    from ssc_ros.nodes.poses import create_pose_source

    parameters = PoseParameters(source='tf', floor_z_m=0.5)
    return create_pose_source(None, lambda: parameters, None)


def test_tf_is_asked_for_the_optical_frame_at_the_stamp(fake_tf2):
    assert make_tf_source().pose_at(STAMP_NS, 'camera')[2, 3] == pytest.approx(1.0)


def test_a_frame_that_tf_does_not_know_is_named(fake_tf2):
    with pytest.raises(DataError, match=r"'lidar'.*tf2_echo odom lidar"):
        make_tf_source().pose_at(STAMP_NS, 'lidar')


def test_tf_without_tf2_ros_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tf2_ros', None)
    with pytest.raises(ConfigurationError, match='odometry or parameters'):
        make_tf_source()


class TestDepthPose:
    def test_the_depth_image_itself_tells_the_pose(self):
        from ssc_ros.geometry.cameras import PinholeCamera
        from ssc_ros.geometry.gravity import DepthView
        from ssc_ros.nodes.poses import create_pose_source
        from ssc_ros.nodes.settings import RgbdPoseParameters

        camera = PinholeCamera(60.0, 60.0, 79.5, 59.5, 120, 160)
        pose = level_camera_pose(height_m=1.0, pitch_rad=0.7)
        v, u = np.mgrid[:120, :160]
        rays = np.stack([
            (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)])
        down = -np.tensordot(pose[2, :3], rays, 1)
        depth = np.divide(1.0, down, out=np.zeros(down.shape), where=down > 0.1)
        source = create_pose_source(
            None, lambda: RgbdPoseParameters(source='depth'), None)
        found = source.pose_at(0, 'camera', DepthView(depth.astype(np.float32), camera))
        np.testing.assert_allclose(found, pose, atol=0.02)
        source.clear()
        source.close()

    def test_without_a_depth_image_it_says_what_to_set(self):
        from ssc_ros.nodes.poses import DepthPose

        with pytest.raises(DataError, match=r'hears no depth image.*odometry or tf'):
            DepthPose().pose_at(0, 'camera')

    def test_a_stereo_node_does_not_offer_it(self):
        from ssc_ros.nodes.parameters import build_parameters
        from ssc_ros.nodes.settings import RgbdParameters, StereoParameters

        build_parameters(RgbdParameters, {'pose.source': 'depth'})
        with pytest.raises(ConfigurationError, match=r'pose\.source'):
            build_parameters(StereoParameters, {'pose.source': 'depth'})
