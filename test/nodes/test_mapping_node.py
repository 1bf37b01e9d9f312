"""mapping_node over real DDS: a camera before a wall, a small network, and what can go wrong."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.ros

SIZE = (48, 64)
FRAME_ID = 'camera_optical_frame'
NAME = '/mapping_node'


def make_network(seed=0):
    """Return a network of three thin levels on large voxels."""
    import torch

    from ssc_ros.models.s4r.network import S4rNetwork
    from ssc_ros.models.s4r.presets import load_preset
    from ssc_ros.models.s4r.processing import S4rEstimator

    torch.manual_seed(seed)
    config = replace(load_preset('small'), channels=(2, 3, 4), chunk_shape=(16, 8, 8),
                     voxel_size_m=0.1, has_occupancy=False)
    return S4rEstimator(S4rNetwork(config), name='tiny', device='cpu', precision='float32')


class ScriptedNetwork:
    """The stand-in on large voxels, which waits or fails when a test wants it to."""

    def __init__(self):
        from ssc_ros.models.volumes import DummyVolumeEstimator

        self._inner = DummyVolumeEstimator()
        self.name, self.device = 'scripted', 'cpu'
        self.label_space = self._inner.label_space
        self.config = replace(
            self._inner.config, chunk_shape=(16, 8, 8), voxel_size_m=0.1, channels=(2, 3, 4))
        self.calls, self.error = 0, None
        self.may_finish, self.has_begun = threading.Event(), threading.Event()
        self.may_finish.set()

    def warm_up(self):
        pass

    def __call__(self, frame):
        self.calls += 1
        self.has_begun.set()
        assert self.may_finish.wait(30)
        if self.error is not None:
            raise self.error
        return self._inner(frame)


class PosedCamera:
    """Publishes a wall ahead of a level camera that looks along x, with its pose."""

    def __init__(self, graph):
        from nav_msgs.msg import Odometry
        from sensor_msgs.msg import CameraInfo, Image

        self.graph = graph
        self.publishers = {
            topic: graph.tester.create_publisher(kind, topic, 5) for topic, kind in (
                ('odom', Odometry), ('rgb/camera_info', CameraInfo), ('rgb/image_rect', Image),
                ('depth/image_rect', Image))}
        self.stamp_ns = 1_000_000_000_000
        self.position = np.array([0.0, 0.0, 0.7])
        self.depth_m = np.full(SIZE, 1.5, np.float32)

    def connect(self):
        self.graph.wait(lambda: all(
            publisher.get_subscription_count() for publisher in self.publishers.values()))

    def header(self):
        from ssc_ros.messages.headers import make_header

        return make_header(self.stamp_ns, FRAME_ID)

    def messages(self):
        from nav_msgs.msg import Odometry

        from ssc_ros.geometry.calibration import CameraCalibration
        from ssc_ros.messages.camera_info import encode_camera_info
        from ssc_ros.messages.depth import encode_depth
        from ssc_ros.messages.images import encode_image

        header, (height, width) = self.header(), SIZE
        odometry = Odometry(header=header, child_frame_id=FRAME_ID)
        odometry.header.frame_id = 'odom'
        point, turn = odometry.pose.pose.position, odometry.pose.pose.orientation
        point.x, point.y, point.z = (float(value) for value in self.position)
        turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5  # z forward = x of the world
        K = np.array([[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]])
        info = encode_camera_info(CameraCalibration(
            width=width, height=height, K=K, D=np.zeros(5), R=np.eye(3),
            P=np.hstack([K, np.zeros((3, 1))])), self.header())
        return {
            'odom': odometry, 'rgb/camera_info': info,
            'rgb/image_rect': encode_image(
                np.full((*SIZE, 3), 90, np.uint8), 'rgb8', self.header()),
            'depth/image_rect': encode_depth(self.depth_m, self.header())}

    def send(self, *, lacks=(), **replacements):
        messages = {**self.messages(), **replacements}
        for topic, publisher in self.publishers.items():
            if topic not in lacks:
                publisher.publish(messages[topic])
        self.stamp_ns += 100_000_000


@pytest.fixture
def network():
    return ScriptedNetwork()


@pytest.fixture
def start(graph, network, tmp_path):
    """Return a starter of mapping nodes; keyword arguments are parameters, ``__`` = dot."""
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.mapping_node import MappingNode

    def start(loaded=network, **parameters):
        values = {'map__extent_m': 6.4, 'completion__extent_m': 3.2, 'completion__rest_s': 0.02,
                  'outputs__period_s': 0.05, 'pose__source': 'odometry',
                  'files_directory': str(tmp_path), **parameters}
        overrides = [Parameter(name.replace('__', '.'), value=value)
                     for name, value in values.items()]
        overrides += [Parameter(f'qos_overrides./{topic}.subscription.reliability',
                                value='reliable')
                      for topic in ('odom', 'rgb/camera_info', 'rgb/image_rect',
                                    'depth/image_rect')]
        options = {} if loaded is None else {'load': lambda *args, **kwargs: loaded}
        node = graph.add(MappingNode(parameter_overrides=overrides, **options))
        if parameters.get('autostart', True):
            graph.wait(lambda: node.state == 'active')
        return node

    return start


@pytest.fixture
def camera(graph):
    return PosedCamera(graph)


@pytest.fixture
def mapped(graph, camera, start):
    """Return a node with a frame in its map that was completed."""
    node = start()
    camera.connect()
    fuse(graph, node, camera)
    settle(graph, node)
    return node


def settle(graph, node):
    """Wait until everything was completed and nothing is under way."""
    graph.wait(lambda: node.engine.waiting_tiles == 0)
    with node.engine._network_lock:
        assert node.engine.counts.completions


def fuse(graph, node, camera, count=1):
    for _ in range(count):
        before = node.engine.counts.frames
        camera.send()
        graph.wait(lambda before=before: node.engine.counts.frames == before + 1)


def listen(graph, node, topic, kind):
    collector = graph.collect(kind, f'{NAME}/{topic}')
    graph.wait(lambda: any(item.topic_name == f'{NAME}/{topic}' and item.get_subscription_count()
                           for item in node.publishers))
    return collector


def call(graph, name):
    from std_srvs.srv import Trigger

    return graph.call(Trigger, f'{NAME}/{name}')


def arrays_of(node):
    view = node.engine.map.view()
    said = view.completion
    return [view.volume.tsdf_m, view.volume.weight, view.volume.rgb, said.weight,
            said.near_surface, said.tsdf_voxels, said.rgb, said.labels, said.confidence,
            np.array(view.start)]


def packed_rgb(cloud):
    return np.ascontiguousarray(cloud['rgb']).view(np.uint32)


def assert_same(mine, other):
    for first, second in zip(mine, other, strict=True):
        np.testing.assert_array_equal(first, second)


class TestOutputs:
    def test_a_completed_cloud_in_the_world_appears_with_stamp_and_frame(
            self, graph, camera, start):
        from sensor_msgs.msg import PointCloud2

        from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud
        from ssc_ros.messages.headers import stamp_ns

        node = start(make_network())
        collector = listen(graph, node, 'voxels/points', PointCloud2)
        camera.connect()
        sent_ns = camera.stamp_ns
        fuse(graph, node, camera)
        graph.wait(lambda: node.engine.counts.completions)
        graph.wait(lambda: collector.messages and (
            decode_cloud(collector.messages[-1])['label'] != 255).any())
        message = collector.messages[-1]
        assert message.header.frame_id == 'odom' and stamp_ns(message.header.stamp) == sent_ns
        cloud = decode_cloud(message)
        assert cloud.dtype.names == (
            'x', 'y', 'z', 'rgb', 'label', 'observed', 'confidence')
        seen = cloud['observed'] == 1
        points = cloud_xyz(cloud)
        assert np.all(np.abs(points[seen][:, 0] - 1.5) < 0.11)
        assert np.all(packed_rgb(cloud)[seen] == 0x5A5A5A)
        assert set(cloud['label']) <= {*range(11), 255}
        assert np.all(np.isnan(cloud['confidence']) == (cloud['label'] == 255))

    def test_measured_and_completed_voxels_are_never_mixed(self, graph, camera, start):
        from sensor_msgs.msg import PointCloud2

        from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud

        node = start()
        collectors = {name: listen(graph, node, f'voxels/{name}', PointCloud2)
                      for name in ('points', 'observed', 'completed')}
        camera.connect()
        fuse(graph, node, camera)
        graph.wait(lambda: node.engine.counts.completions)
        graph.wait(lambda: all(
            collector.messages and len(decode_cloud(collector.messages[-1]))
            for collector in collectors.values()))
        clouds = {name: decode_cloud(collector.messages[-1])
                  for name, collector in collectors.items()}
        assert np.all(clouds['observed']['observed'] == 1)
        assert np.all(clouds['completed']['observed'] == 0)
        places = {name: {tuple(point) for point in cloud_xyz(cloud).round(3).tolist()}
                  for name, cloud in clouds.items()}
        assert places['observed'] and places['completed']
        assert not places['observed'] & places['completed']
        assert places['observed'] | places['completed'] == places['points']
        view = node.engine.map.view()
        cells = np.rint(view.volume.grid.to_grid(cloud_xyz(clouds['completed']))).astype(int)
        assert not view.volume.weight[cells[:, 2], cells[:, 1], cells[:, 0]].any()

    def test_markers_and_mesh_keep_both_in_namespaces_of_their_own(self, graph, camera, start):
        from visualization_msgs.msg import Marker, MarkerArray

        node = start()
        markers = listen(graph, node, 'voxels/markers', MarkerArray)
        mesh = listen(graph, node, 'mesh', MarkerArray)
        camera.connect()
        fuse(graph, node, camera)

        def shown(collector):
            last = collector.messages[-1].markers if collector.messages else ()
            return {marker.ns: marker for marker in last if marker.action == Marker.ADD}

        graph.wait(lambda: 'completed/floor' in shown(markers) and 'completed' in shown(mesh))
        cubes = shown(markers)
        assert any(name.startswith('observed/') for name in cubes)
        assert len({marker.id for marker in markers.messages[-1].markers}) == 24
        assert cubes['completed/floor'].scale.x == pytest.approx(0.095)
        triangles = shown(mesh)
        assert set(triangles) == {'observed', 'completed'}
        assert all(marker.type == Marker.TRIANGLE_LIST and len(marker.points) % 3 == 0
                   for marker in triangles.values())
        assert all(abs(point.x - 1.5) < 0.1 for point in triangles['observed'].points)

    def test_colours_can_be_those_of_the_classes(self, graph, camera, start, network):
        from sensor_msgs.msg import PointCloud2

        from ssc_ros.messages.cloud_reading import decode_cloud

        node = start(outputs__color='class')
        collector = listen(graph, node, 'voxels/completed', PointCloud2)
        camera.connect()
        fuse(graph, node, camera)
        graph.wait(lambda: collector.messages and len(decode_cloud(collector.messages[-1])))
        cloud = decode_cloud(collector.messages[-1])
        floor = network.label_space.names.index('floor')
        red, green, blue = (int(value) for value in network.label_space.colors[floor])
        colors = set(packed_rgb(cloud)[cloud['label'] == floor].tolist())
        assert colors == {red << 16 | green << 8 | blue}

    def test_diagnostics_tell_of_fusion_completion_and_memory(self, graph, mapped):
        from diagnostic_msgs.msg import DiagnosticArray

        collector = graph.collect(DiagnosticArray, '/diagnostics')
        graph.wait(lambda: any(
            status.name.startswith(NAME) for message in collector.messages
            for status in message.status))
        values = {item.key: item.value for item in collector.messages[-1].status[0].values}
        assert values['frames fused'] == '1' and int(values['completions']) >= 1
        assert values['map memory (MB)'] == f'{64 * 64 * (16 * 19 + 4) / 1e6:.1f}'
        assert {f'{stage} p50/p95/max (ms)' for stage in (
            'prepare', 'integrate', 'snapshot', 'network', 'keep', 'complete')} <= set(values)


class TestServices:
    def test_a_reset_empties_the_map_and_new_frames_fill_it(self, graph, mapped, camera):
        assert mapped.engine.map.view().volume.weight.any()
        answer = call(graph, 'reset')
        assert answer.success and 'map emptied' in answer.message
        view = mapped.engine.map.view()
        assert not view.volume.weight.any() and not view.completion.weight.any()
        fuse(graph, mapped, camera)
        assert mapped.engine.map.view().volume.weight.any()

    def test_a_saved_map_comes_back_bit_for_bit(self, graph, mapped, tmp_path):
        before = arrays_of(mapped)
        answer = call(graph, 'save')
        assert answer.success and (tmp_path / 'map.npz').is_file()
        call(graph, 'reset')
        answer = call(graph, 'load')
        assert answer.success, answer.message
        assert_same(arrays_of(mapped), before)

    def test_an_exported_mesh_can_be_read(self, graph, mapped, tmp_path):
        trimesh = pytest.importorskip('trimesh')
        answer = call(graph, 'export_mesh')
        assert answer.success and 'triangles' in answer.message
        mesh = trimesh.load(tmp_path / 'map.ply', process=False)
        assert len(mesh.faces) and np.isfinite(mesh.vertices).all()
        observed = mesh.metadata['_ply_raw']['vertex']['data']['observed'].astype(bool)
        assert observed.any() and not observed.all()
        assert np.median(np.abs(mesh.vertices[observed.reshape(-1)][:, 0] - 1.5)) < 0.1

    def test_the_file_can_be_renamed_while_running_but_not_leave_its_folder(
            self, graph, mapped, tmp_path):
        assert graph.set_parameter(mapped, 'map.file', 'floors/second').successful
        assert call(graph, 'save').success and (tmp_path / 'floors/second.npz').is_file()
        for name in ('../map', '/etc/map', 'a/../../map', ''):
            before = sorted(tmp_path.parent.rglob('*'))
            is_set = graph.set_parameter(mapped, 'map.file', name).successful
            assert not is_set or not call(graph, 'save').success, name
            assert sorted(tmp_path.parent.rglob('*')) == before

    @pytest.mark.parametrize('content', [None, b'no map at all'])
    def test_a_file_that_is_no_map_is_refused_and_the_map_stays(
            self, graph, mapped, tmp_path, content):
        before = arrays_of(mapped)
        if content is not None:
            (tmp_path / 'map.npz').write_bytes(content)
        answer = call(graph, 'load')
        assert not answer.success and 'map.npz' in answer.message
        assert_same(arrays_of(mapped), before)

    def test_without_a_map_the_services_say_so(self, graph, start):
        start(autostart=False)
        for name in ('save', 'load', 'export_mesh'):
            answer = call(graph, name)
            assert not answer.success and 'configure' in answer.message


class TestThreads:
    def test_frames_are_fused_while_the_network_works(self, graph, camera, start, network):
        network.may_finish.clear()
        node = start()
        camera.connect()
        fuse(graph, node, camera)
        assert network.has_begun.wait(10)
        for _ in range(12):
            fuse(graph, node, camera)
        assert network.calls == 1 and node.engine.counts.completions == 0
        waits = node.stage_summary['integrate']
        assert waits.count == 13 and waits.p50 < 1000
        network.may_finish.set()
        graph.wait(lambda: node.engine.counts.completions >= 2)

    def test_a_completion_that_a_reset_overtakes_is_discarded(
            self, graph, camera, start, network):
        network.may_finish.clear()
        node = start()
        camera.connect()
        fuse(graph, node, camera)
        assert network.has_begun.wait(10)
        call(graph, 'reset')
        network.may_finish.set()
        graph.wait(lambda: node.engine.counts.discarded == 1)
        assert not node.engine.map.view().completion.weight.any()

    def test_nothing_is_completed_twice(self, graph, mapped, network):
        calls = network.calls
        threading.Event().wait(0.3)
        assert network.calls == calls == mapped.engine.counts.completions

    def test_what_the_camera_left_behind_is_completed_too(self, graph, camera, start, network):
        network.may_finish.clear()
        node = start(completion__extent_m=1.6)
        camera.connect()
        fuse(graph, node, camera)
        assert network.has_begun.wait(10)
        camera.position = np.array([0.0, 1.5, 0.7])
        fuse(graph, node, camera)
        network.may_finish.set()
        settle(graph, node)
        voxels = node.engine.map.view().voxels
        seen = voxels.chosen(voxels.observed)
        assert seen.points[:, 1].min() < -0.8 and seen.points[:, 1].max() > 2.2
        assert np.all(seen.labels != 255)

    def test_the_network_can_be_left_alone(self, graph, camera, start, network):
        node = start(completion__enabled=False)
        camera.connect()
        fuse(graph, node, camera)
        threading.Event().wait(0.2)
        assert network.calls == 0
        assert graph.set_parameter(node, 'completion.enabled', True).successful
        graph.wait(lambda: node.engine.counts.completions)


class TestTimeAndPlace:
    def test_a_jump_back_in_time_begins_a_new_map(self, graph, mapped, camera):
        camera.stamp_ns -= 5_000_000_000
        camera.position = np.array([50.0, 0.0, 0.7])
        fuse(graph, mapped, camera)
        view = mapped.engine.map.view()
        assert mapped.engine.counts.resets == 1
        points = view.voxels.chosen(view.voxels.observed).points
        assert len(points) and np.all(points[:, 0] > 50)

    def test_the_map_follows_the_camera_in_constant_memory(self, graph, mapped, camera):
        before = mapped.engine.map.memory_bytes
        for x_m in (1.5, 3.0, 4.5, 6.0, 7.5):
            camera.position = np.array([x_m, -x_m, 0.7])
            fuse(graph, mapped, camera)
        assert mapped.engine.map.memory_bytes == before
        points = mapped.engine.map.view().voxels.points
        assert points[:, 0].max() > 8.9 and points[:, 0].min() > 2

    def test_a_minute_is_mapped_without_a_loss_and_the_wall_stays_where_it_is(
            self, graph, camera, start):
        node = start()
        camera.connect()
        for index in range(60):
            camera.position = np.array([0.0, 0.1 * index, 0.7])
            fuse(graph, node, camera)
            camera.stamp_ns += 900_000_000
        assert node.engine.counts.frames == 60 and not node.totals.dropped
        assert node.engine.map.box.start[0] > 0  # at first it lay around the origin
        voxels = node.engine.map.view().voxels
        points = voxels.points[voxels.observed]
        assert np.ptp(points[:, 1]) > 3 and np.all(np.abs(points[:, 0] - 1.5) < 0.11)

    def test_poses_that_lag_a_second_lose_every_frame_and_the_log_says_by_how_much(
            self, graph, camera, start, capfd):
        from ssc_ros.messages.headers import make_header

        node = start()
        camera.connect()
        for index in range(5):
            odometry = camera.messages()['odom']
            odometry.header = make_header(camera.stamp_ns - 1_000_000_000, 'odom')
            camera.send(odom=odometry)
            graph.wait(lambda index=index: node.totals.dropped.get('no_pose') == 2 * (index + 1))
        assert node.engine.counts.frames == 0 and not node.engine.map.view().volume.weight.any()
        assert '1000 ms away' in capfd.readouterr().err

    def test_the_floor_may_lie_anywhere(self, graph, camera, start):
        node = start(pose__floor_z_m=-2.0)
        camera.position[2] = -1.3
        camera.connect()
        fuse(graph, node, camera)
        grid = node.engine.map.view().volume.grid
        np.testing.assert_allclose(grid.to_grid([[0, 0, -2.0]])[0, 2], 3)
        points = node.engine.map.view().voxels.points
        assert len(points) and np.all(np.abs(points[:, 2] + 1.3) < 0.9)


class TestStates:
    def test_an_inactive_node_keeps_its_map_and_cleanup_frees_it(self, graph, mapped, camera):
        before = arrays_of(mapped)
        assert graph.transition(mapped, 'deactivate')
        assert_same(arrays_of(mapped), before)
        assert graph.transition(mapped, 'activate')
        camera.connect()
        fuse(graph, mapped, camera)
        assert graph.transition(mapped, 'deactivate') and graph.transition(mapped, 'cleanup')
        assert mapped.engine is None

    def test_a_map_too_large_for_the_memory_is_refused_with_numbers(self, graph, start):
        node = start(map__extent_m=150.0, map__max_memory_mb=100, autostart=False)
        assert not graph.transition(node, 'configure')
        assert 'map.max_memory_mb' in node.last_error and '100' in node.last_error

    def test_weights_of_another_kind_are_refused(self, graph, start):
        node = start(None, model__weights='random:gad/small', autostart=False)
        assert not graph.transition(node, 'configure')
        assert 'mapping_node' in node.last_error

    @pytest.mark.parametrize('weights', ['dummy', 'random:s4r/small'])
    def test_networks_that_ship_with_the_code_complete_a_map(
            self, graph, camera, start, weights):
        node = start(None, model__weights=weights, map__extent_m=2.0,
                     completion__extent_m=1.28)
        camera.depth_m[:] = 0.9
        camera.connect()
        fuse(graph, node, camera)
        graph.wait(lambda: node.engine.counts.completions, 60)
        assert (node.engine.map.view().completion.labels != 255).any()


class TestBadInput:
    def test_frames_without_a_pose_are_counted_and_the_next_one_is_fused(
            self, graph, camera, start):
        node = start()
        camera.connect()
        camera.send(lacks=('odom',))
        graph.wait(lambda: node.totals.dropped.get('no_pose') == 2)
        fuse(graph, node, camera)

    def test_depth_of_another_size_is_refused_with_the_remedy(
            self, graph, camera, start, capfd):
        from ssc_ros.messages.depth import encode_depth

        node = start()
        camera.connect()
        small = encode_depth(np.ones((24, 32), np.float32), camera.header())
        camera.send(**{'depth/image_rect': small})
        graph.wait(lambda: node.totals.dropped.get('bad_image') == 2)
        assert 'registered' in capfd.readouterr().err
        fuse(graph, node, camera)

    def test_depth_that_measured_nothing_changes_nothing(self, graph, camera, start):
        node = start()
        camera.connect()
        for value in (0.0, np.nan, np.inf, -1.0, 1e9):
            camera.depth_m = np.full(SIZE, value, np.float32)
            fuse(graph, node, camera)
        assert not node.engine.map.view().volume.weight.any()

    def test_a_failing_network_leaves_a_map_of_measurements(
            self, graph, camera, start, network, capfd):
        network.error = RuntimeError('out of luck')
        node = start()
        camera.connect()
        fuse(graph, node, camera, 3)
        graph.wait(lambda: network.calls)
        graph.wait(lambda: 'out of luck' in capfd.readouterr().err)
        assert len(node.engine.map.view().voxels.points)
        network.error = None
        fuse(graph, node, camera)
        graph.wait(lambda: node.engine.counts.completions)

    def test_tf_without_tf2_is_refused_with_the_way_out(self, graph, start):
        pytest.importorskip('rclpy')
        from importlib.util import find_spec

        if find_spec('tf2_ros') is not None:
            pytest.skip('tf2_ros is installed here')
        node = start(pose__source='tf', autostart=False)
        assert graph.transition(node, 'configure')
        assert not graph.transition(node, 'activate') and 'odometry' in node.last_error
