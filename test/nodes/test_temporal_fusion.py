"""Tests of the map that a completion node fuses, through its topics and services."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import level_camera_pose, make_rigid, transform_points
from ssc_ros.models.estimator import DummyEstimator

SECOND_NS = 1_000_000_000


def pose_at(x):
    """Return a pose of the optical frame; the floor of odom lies at z = 0.3."""
    return make_rigid(np.eye(3), [x, 0.0, 0.3]) @ level_camera_pose(height_m=1.0)


@pytest.fixture
def walk(graph, camera):
    """Return a sender of pairs with odometry, each settled before the next."""
    pytest.importorskip('rclpy')
    from nav_msgs.msg import Odometry

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.odometry import encode_odometry

    publisher = graph.tester.create_publisher(Odometry, 'odom', 10)

    def send(node, x=0.0, stamp_ns=None):
        camera.connect()
        graph.wait(publisher.get_subscription_count)
        if stamp_ns is not None:
            camera.stamp_ns = stamp_ns
        before = node.totals.used['left']
        publisher.publish(encode_odometry(
            pose_at(x), make_header(camera.stamp_ns, 'odom'), 'left_optical_frame'))
        camera.send()
        graph.wait(lambda: node.totals.used['left'] > before)

    return send


@pytest.fixture
def start_fusing(start_stereo, tmp_path):
    def start(**parameters):
        return start_stereo(**{
            'fusion__enabled': True, 'pose__source': 'odometry', 'pose__floor_z_m': 0.3,
            'pose__timeout_ms': 5000.0, 'files_directory': str(tmp_path), **parameters})

    return start


def collect(graph, node, kind, topic, **qos):
    collector = graph.collect(kind, topic, **qos)
    graph.wait(lambda: any(item.topic_name == topic and item.get_subscription_count()
                           for item in node.publishers))
    return collector


def trigger(graph, node, name):
    from std_srvs.srv import Trigger

    return graph.call(Trigger, f'/stereo_node/{name}')


@pytest.mark.ros
class TestTopics:
    def test_the_map_comes_in_the_frame_of_the_odometry_and_at_its_heights(
            self, graph, walk, start_fusing):
        from sensor_msgs.msg import PointCloud2

        from ssc_ros.messages.cloud_reading import decode_cloud

        node = start_fusing()
        clouds = collect(graph, node, PointCloud2, '/stereo_node/fused/points')
        walk(node)
        message = clouds.wait()[0]
        points = decode_cloud(message)
        names = node._estimator.label_space.names
        assert message.header.frame_id == 'odom'
        floor = points[points['label'] == names.index('floor')]
        # One voxel of 0.08 m from 0.05 m below the floor of odom on.
        assert floor['z'].min() > 0.2 and floor['z'].max() < 0.35
        assert set(np.unique(points['observed']).tolist()) == {0, 1}
        assert ((points['confidence'] > 0) & (points['confidence'] <= 1)).all()

    def test_walls_passed_stay_in_the_map(self, graph, walk, start_fusing):
        from sensor_msgs.msg import PointCloud2

        from ssc_ros.messages.cloud_reading import decode_cloud

        node = start_fusing()
        clouds = collect(graph, node, PointCloud2, '/stereo_node/fused/points')
        walk(node, x=0.0)
        walk(node, x=2.0)
        first, second = (decode_cloud(message) for message in clouds.wait(2))
        assert second['x'].max() > first['x'].max() + 1.8
        assert second['x'].min() == pytest.approx(first['x'].min(), abs=1e-4)

    def test_observed_and_completed_markers_are_topics_of_their_own(
            self, graph, walk, start_fusing):
        from visualization_msgs.msg import MarkerArray

        node = start_fusing()
        topics = ('/stereo_node/fused/markers', '/stereo_node/fused/markers_completed')
        collectors = [collect(graph, node, MarkerArray, topic) for topic in topics]
        walk(node)
        observed, completed = (collector.wait()[0].markers for collector in collectors)
        counts = [sum(len(marker.points) for marker in each) for each in (observed, completed)]
        assert min(counts) > 0
        edges = [max(marker.scale.x for marker in each) for each in (observed, completed)]
        assert edges[0] > 1.5 * edges[1] > 0

    def test_the_mesh_keeps_observed_and_completed_faces_in_namespaces_of_their_own(
            self, graph, walk, start_fusing):
        from sensor_msgs.msg import PointCloud2
        from visualization_msgs.msg import MarkerArray

        from ssc_ros.messages.cloud_reading import decode_cloud

        node = start_fusing()
        meshes = collect(graph, node, MarkerArray, '/stereo_node/fused/mesh')
        clouds = collect(graph, node, PointCloud2, '/stereo_node/fused/points')
        walk(node)
        markers, cloud = meshes.wait()[0].markers, decode_cloud(clouds.wait()[0])
        size_m = 0.08
        for kind, alpha, is_kind in (('observed/', 1.0, cloud['observed'] == 1),
                                     ('completed/', 0.4, cloud['observed'] == 0)):
            chosen = [marker for marker in markers if marker.ns.startswith(kind)]
            assert {round(marker.color.a, 3) for marker in chosen} == {alpha}
            z = [point.z for marker in chosen for point in marker.points]
            assert min(z) == pytest.approx(cloud['z'][is_kind].min() - size_m / 2, abs=1e-5)
            assert max(z) == pytest.approx(cloud['z'][is_kind].max() + size_m / 2, abs=1e-5)
        assert len({(marker.ns, marker.id) for marker in markers}) == len(markers) == 22

    def test_without_fusion_there_are_no_topics_of_a_map(self, graph, stereo):
        assert not any('/fused/' in item.topic_name for item in stereo.publishers)
        answer = trigger(graph, stereo, 'save_map')
        assert not answer.success and 'fusion.enabled' in answer.message

    def test_bands_have_grids_of_their_own_for_late_joiners(self, graph, camera, start_stereo):
        from nav_msgs.msg import OccupancyGrid
        from rclpy.qos import DurabilityPolicy, QoSProfile

        from ssc_ros.messages.occupancy import LETHAL, decode_occupancy_grid

        node = start_stereo(outputs__grid_bands=['all:0.1:1.8', 'above:2.9:3.5'])
        camera.connect()
        names = ('all', 'above')
        for name in names:
            collect(graph, node, OccupancyGrid, f'/stereo_node/occupancy_grid/{name}')
        camera.send()
        graph.wait(lambda: node.totals.used['left'] == 1)
        received = {}
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for name in names:
            graph.tester.create_subscription(
                OccupancyGrid, f'/stereo_node/occupancy_grid/{name}',
                lambda msg, name=name: received.__setitem__(name, msg), qos)
        graph.wait(lambda: len(received) == 2)
        grids = {name: decode_occupancy_grid(message) for name, message in received.items()}
        # The dummy's wall stands in the two rows that are farthest away.
        assert (grids['all'][-2:] == LETHAL).all() and not (grids['above'] == LETHAL).any()

    def test_what_costmaps_would_silently_drop_is_named(self, graph, camera, stereo, capfd):
        from sensor_msgs.msg import PointCloud2

        collect(graph, stereo, PointCloud2, '/stereo_node/nav/obstacles')
        camera.send()  # its stamps lie in the past
        graph.wait(lambda: stereo.totals.used['left'] == 1)
        error = capfd.readouterr().err
        assert 'old_output' in error and '/stereo_node/nav/obstacles' in error
        assert 'transform_tolerance' in error


@pytest.mark.ros
class TestServices:
    def test_the_map_is_saved_reset_and_loaded(self, graph, walk, start_fusing, tmp_path):
        from sensor_msgs.msg import PointCloud2

        node = start_fusing()
        clouds = collect(graph, node, PointCloud2, '/stereo_node/fused/points')
        walk(node, x=0.0)
        full = clouds.wait(1)[0].width
        answer = trigger(graph, node, 'save_map')
        assert answer.success and str(tmp_path) in answer.message, answer.message
        assert (tmp_path / 'fused_map.npz').is_file()
        assert trigger(graph, node, 'reset_map').success
        walk(node, x=30.0)
        assert trigger(graph, node, 'load_map').success
        walk(node, x=0.0)
        assert clouds.wait(3)[2].width == pytest.approx(full, rel=0.01)

    def test_the_file_cannot_leave_its_directory(self, graph, walk, start_fusing, tmp_path):
        node = start_fusing()
        walk(node)
        for name in ('../elsewhere.npz', '/tmp/elsewhere.npz'):
            result = graph.set_parameter(node, 'fusion.map_file', name)
            assert not result.successful and str(tmp_path) in result.reason
        assert graph.set_parameter(node, 'fusion.map_file', 'maps/room.npz').successful
        assert trigger(graph, node, 'save_map').success
        assert (tmp_path / 'maps/room.npz').is_file()

    def test_a_missing_or_damaged_file_is_refused_and_the_map_stays(
            self, graph, walk, start_fusing, tmp_path):
        node = start_fusing()
        walk(node)
        before = len(node.fusion._voxels().labels)
        assert 'cannot be read' in trigger(graph, node, 'load_map').message
        (tmp_path / 'fused_map.npz').write_bytes(b'PK\x03\x04 nothing')
        answer = trigger(graph, node, 'load_map')
        assert not answer.success and 'cannot be read' in answer.message
        assert len(node.fusion._voxels().labels) == before > 0

    def test_the_map_outlives_deactivation_and_ends_with_cleanup(
            self, graph, walk, start_fusing):
        node = start_fusing()
        walk(node)
        before = len(node.fusion._voxels().labels)
        assert graph.transition(node, 'deactivate') and graph.transition(node, 'activate')
        assert len(node.fusion._voxels().labels) == before > 0
        assert graph.transition(node, 'deactivate') and graph.transition(node, 'cleanup')
        assert node.fusion is None


@pytest.mark.ros
def test_a_jump_back_in_time_resets_the_map_with_one_warning(graph, walk, start_fusing, capfd):
    node = start_fusing()
    walk(node, x=8.0, stamp_ns=5000 * SECOND_NS)
    walk(node, x=0.0, stamp_ns=1000 * SECOND_NS)
    points = node.fusion._voxels().points
    assert points[:, 0].max() < 3
    assert capfd.readouterr().err.count('the fused map was reset') == 1


@pytest.mark.ros
def test_a_pose_that_does_not_move_is_refused_with_what_to_do(graph, start_stereo, capfd):
    node = start_stereo(fusion__enabled=True, autostart=False)
    assert not graph.transition(node, 'configure')
    assert node.state == 'unconfigured' and 'set pose.source to odometry or tf' in node.last_error


@pytest.mark.ros
class TestWithoutTopics:
    def make(self, **fusion):
        from ssc_ros.nodes.reporting import ThrottledReporter
        from ssc_ros.nodes.settings import FusionParameters, PoseParameters, StereoParameters
        from ssc_ros.nodes.temporal_fusion import TemporalFusion

        self.reports = []
        self.parameters = StereoParameters(
            pose=PoseParameters(source='odometry'),
            fusion=FusionParameters(enabled=True, **fusion))
        self.fusion = TemporalFusion(
            DummyEstimator(), self.parameters, ThrottledReporter(self.reports.append))
        return self.fusion

    def add(self, estimate, **changes):
        return self.fusion.add(replace(estimate, **changes), level_camera_pose(height_m=1.0),
                               world_frame='odom', parameters=self.parameters)

    @pytest.fixture
    def estimate(self):
        estimator = DummyEstimator()
        pose = level_camera_pose(height_m=1.0)
        box = estimator.place_box(pose)
        labels = np.zeros(box.grid.shape, np.uint8)
        labels[20, 10, 20] = 5
        return SceneEstimate(
            labels=labels, confidence=np.full(labels.shape, 0.9, np.float32),
            observed=labels > 0, grid=box.grid, T_camera_voxel=box.T_camera_voxel,
            camera=PinholeCamera(50.0, 50.0, 31.5, 23.5, 48, 64),
            label_space=estimator.label_space, stamp_ns=100 * SECOND_NS)

    def test_the_only_voxel_lies_where_the_estimate_has_it(self, estimate):
        self.make()
        fused = self.add(estimate)
        assert fused.frame_id == 'odom' and fused.voxels.labels.tolist() == [5]
        expected = transform_points(
            level_camera_pose(height_m=1.0) @ estimate.T_camera_voxel,
            estimate.grid.index_to_point([[20, 10, 20]]))
        np.testing.assert_allclose(fused.voxels.points, expected, atol=0.041)

    def test_a_frame_may_be_named_and_doubtful_voxels_are_left_out(self, estimate):
        self.make(frame='map', min_confidence=0.99)
        fused = self.add(estimate)
        assert fused.frame_id == 'map' and len(fused.voxels.labels) == 0

    def test_frames_that_change_places_do_not_reset_the_map(self, estimate):
        self.make()
        self.add(estimate)
        self.add(estimate, stamp_ns=estimate.stamp_ns - SECOND_NS // 2)
        assert self.reports == []

    def test_a_map_beyond_all_memory_is_refused_with_numbers(self):
        with pytest.raises(ConfigurationError, match=r'fusion\.radius_m.*GB'):
            self.make(radius_m=100.0)
