from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError

pytestmark = pytest.mark.ros

FIRST_LABEL_TOPIC = '/stereo_node/voxels/labels'


def process_all(graph, camera, stereo, pairs):
    """Send pairs one after the other, each when the one before is settled."""
    stamps = []
    for _ in range(pairs):
        before = stereo.totals.used['left']
        stamps.append(camera.send())
        graph.wait(lambda before=before: stereo.totals.used['left'] > before)
    return stamps


def collect_connected(graph, stereo, message_type, topic):
    """Subscribe and wait until the node's publisher sees it."""
    collector = graph.collect(message_type, topic)
    graph.wait(lambda: any(
        publisher.topic_name == topic and publisher.get_subscription_count()
        for publisher in stereo.publishers))
    return collector


def test_every_pair_gives_exactly_one_output_with_its_stamp(graph, camera, stereo):
    from sensor_msgs.msg import PointCloud2

    from ssc_ros.messages.headers import stamp_ns

    clouds = collect_connected(graph, stereo, PointCloud2, '/stereo_node/voxels/points')
    stamps = process_all(graph, camera, stereo, 20)
    messages = clouds.wait(20)
    assert [stamp_ns(cloud.header.stamp) for cloud in messages] == stamps
    assert {cloud.header.frame_id for cloud in messages} == {'left_optical_frame'}
    assert stereo.totals.pending == 0 and not stereo.totals.dropped


def test_the_label_volume_carries_the_estimate_voxel_for_voxel(graph, camera, stereo, estimator):
    from sensor_msgs.msg import Image

    from ssc_ros.messages.volumes import decode_label_volume

    volumes = collect_connected(graph, stereo, Image, FIRST_LABEL_TOPIC)
    process_all(graph, camera, stereo, 1)
    expected = estimator(estimator.frames[0]).labels
    labels = decode_label_volume(volumes.wait()[0], expected.shape)
    np.testing.assert_array_equal(labels, expected)
    assert len(np.unique(labels)) == 3


def test_all_outputs_of_a_single_frame_arrive(graph, camera, stereo):
    from nav_msgs.msg import OccupancyGrid
    from sensor_msgs.msg import Image, PointCloud2
    from visualization_msgs.msg import MarkerArray

    topics = {
        'voxels/points': PointCloud2, 'voxels/labels': Image, 'voxels/markers': MarkerArray,
        'voxels/mesh': MarkerArray,
        'semantic_points': PointCloud2, 'label_image': Image, 'label_image_color': Image,
        'depth': Image, 'nav/obstacles': PointCloud2, 'occupancy_grid': OccupancyGrid}
    collectors = {name: collect_connected(graph, stereo, kind, f'/stereo_node/{name}')
                  for name, kind in topics.items()}
    process_all(graph, camera, stereo, 1)
    received = {name: collector.wait() for name, collector in collectors.items()}
    assert {name: len(messages) for name, messages in received.items()} == dict.fromkeys(topics, 1)
    encodings = {name: received[name][0].encoding
                 for name in ('label_image', 'label_image_color', 'depth', 'voxels/labels')}
    assert encodings == {'label_image': 'mono8', 'label_image_color': 'rgb8', 'depth': '32FC1',
                         'voxels/labels': 'mono8'}


def test_clearing_rays_are_never_made_of_inferred_depth(graph, camera, stereo):
    from sensor_msgs.msg import PointCloud2

    clearing = collect_connected(graph, stereo, PointCloud2, '/stereo_node/nav/clearing')
    clouds = collect_connected(graph, stereo, PointCloud2, '/stereo_node/voxels/points')
    process_all(graph, camera, stereo, 2)
    clouds.wait(2)
    assert clearing.messages == []


def test_nothing_is_encoded_without_a_subscriber(graph, camera, stereo, monkeypatch):
    from sensor_msgs.msg import PointCloud2

    from ssc_ros.nodes import outputs

    built = []
    for name in ('voxel_cloud', 'image_cloud', 'cube_parts', 'mesh_parts', 'surface_mask',
                 'encode_label_volume', 'encode_label_image', 'encode_label_color', 'encode_depth',
                 'encode_occupancy_grid'):
        original = getattr(outputs, name)
        monkeypatch.setattr(
            outputs, name, lambda *args, name=name, original=original, **kwargs: (
                built.append(name), original(*args, **kwargs))[1])
    # Subscribers of the test before may still be known for a moment.
    graph.wait(lambda: not any(item.get_subscription_count() for item in stereo.publishers
                               if item.topic_name.startswith('/stereo_node/')))
    process_all(graph, camera, stereo, 2)
    assert built == []
    clouds = collect_connected(graph, stereo, PointCloud2, '/stereo_node/voxels/points')
    process_all(graph, camera, stereo, 1)
    clouds.wait()
    assert built == ['voxel_cloud']


def test_one_failing_output_leaves_the_others_alone(graph, camera, stereo, monkeypatch):
    from sensor_msgs.msg import Image, PointCloud2

    from ssc_ros.nodes import outputs

    def fail(*args, **kwargs):
        raise ValueError('no cloud today')

    clouds = collect_connected(graph, stereo, PointCloud2, '/stereo_node/voxels/points')
    depths = collect_connected(graph, stereo, Image, '/stereo_node/depth')
    monkeypatch.setattr(outputs, 'voxel_cloud', fail)
    process_all(graph, camera, stereo, 1)
    assert len(depths.wait()) == 1 and clouds.messages == []


def test_a_slow_network_gets_the_newest_pair_and_every_image_is_accounted_for(
        graph, camera, stereo, estimator):
    process_all(graph, camera, stereo, 1)
    estimator.may_finish.clear()
    camera.send()
    graph.wait(lambda: len(estimator.frames) == 2)
    for _ in range(10):
        newest = camera.send()
        graph.wait(lambda: stereo.totals.received['right'] == camera.pairs_sent)
    estimator.may_finish.set()
    graph.wait(lambda: stereo.totals.pending == 0)
    assert [frame.stamp_ns for frame in estimator.frames][2:] == [newest]
    totals = stereo.totals
    assert totals.received == {'left': 12, 'right': 12}
    assert totals.used == {'left': 3, 'right': 3} and totals.dropped == {'superseded': 18}


def test_an_exception_in_the_network_costs_one_frame(graph, camera, stereo, estimator):
    for error in (RuntimeError('out of memory'), DataError('RGB-D expected: use rgbd_node')):
        estimator.error = error
        before = stereo.totals.dropped.get('estimator_failed', 0)
        camera.send()
        graph.wait(lambda before=before: (
            stereo.totals.dropped.get('estimator_failed', 0) == before + 2))
    estimator.error = None
    process_all(graph, camera, stereo, 1)
    assert stereo.state == 'active'


def test_images_that_are_compressed_are_read(graph, compressed_camera, start_stereo, estimator):
    stereo = start_stereo(input__transport='compressed')
    compressed_camera.connect()
    process_all(graph, compressed_camera, stereo, 2)
    assert abs(int(estimator.frames[0].left.mean()) - 100) <= 2
    assert abs(int(estimator.frames[0].right.mean()) - 50) <= 2


def test_raw_images_are_rectified_on_request(graph, camera, start_stereo, estimator):
    from ssc_ros.messages.images import encode_image

    stereo = start_stereo(input__rectify=True)
    camera.connect()
    distorted = {side: camera.info(side) for side in ('left', 'right')}
    for info in distorted.values():
        info.d = [-0.3, 0.0, 0.0, 0.0, 0.0]
    camera.send_info(**distorted)
    columns = np.zeros((*camera.size, 3), np.uint8)
    columns[:, ::2] = 200
    camera.send_images(**{side: encode_image(columns, 'rgb8', camera.header())
                          for side in ('left', 'right')})
    graph.wait(lambda: stereo.totals.used['left'])
    assert (estimator.frames[0].left != columns).any()


def test_services_disable_enable_and_reset(graph, camera, stereo):
    from std_srvs.srv import SetBool, Trigger

    assert graph.call(
        SetBool, '/stereo_node/enable', SetBool.Request(data=False)).success
    camera.send()
    graph.wait(lambda: stereo.totals.dropped.get('disabled') == 2)
    assert graph.call(SetBool, '/stereo_node/enable', SetBool.Request(data=True)).success
    process_all(graph, camera, stereo, 1)
    camera.images['left'].publish(camera.image('left'))
    graph.wait(lambda: stereo.totals.received['left'] == 3)
    assert graph.call(Trigger, '/stereo_node/reset').success
    assert stereo.totals.dropped == {'disabled': 2, 'reset': 1} and stereo.totals.pending == 0


def test_the_camera_height_can_change_while_running(graph, camera, stereo, estimator):
    process_all(graph, camera, stereo, 1)
    assert graph.set_parameter(stereo, 'pose.camera_height_m', 0.5).successful
    process_all(graph, camera, stereo, 1)
    heights = [-frame.placement.T_camera_voxel[:3, :3].T @ frame.placement.T_camera_voxel[:3, 3]
               for frame in estimator.frames]
    assert [round(float(height[2]), 6) for height in heights] == [1.2, 0.5]


def test_stage_durations_and_diagnostics_are_published(graph, camera, stereo):
    from diagnostic_msgs.msg import DiagnosticArray
    from std_msgs.msg import Float64

    from ssc_ros.nodes.stage_topics import STAGES, stage_topic

    stages = {stage: collect_connected(
        graph, stereo, Float64, stage_topic(stage).replace('~', '/stereo_node'))
        for stage in STAGES if stage not in ('integrate', 'complete')}  # of mapping_node
    reports = graph.collect(DiagnosticArray, '/diagnostics')
    process_all(graph, camera, stereo, 2)
    durations = {stage: collector.wait(2)[0].data for stage, collector in stages.items()}
    assert durations['total'] >= durations['network'] + durations['publish'] >= 0
    assert durations['pipeline_latency'] >= durations['input_age']

    def values():
        return {item.key: item.value for report in reports.messages
                for item in report.status[0].values}

    graph.wait(lambda: values().get('used left') == '2')
    assert values()['state'] == 'active' and values()['model'] == 'occdepth_small_rooms'
    assert 'total p50/p95/max (ms)' in values() and 'rate (Hz)' in values()


def test_a_looped_bag_is_processed_again(graph, camera, stereo):
    first = camera.stamp_ns
    process_all(graph, camera, stereo, 2)
    camera.stamp_ns = first + 5_000_000_000
    process_all(graph, camera, stereo, 2)
    camera.stamp_ns = first
    process_all(graph, camera, stereo, 4)
    assert stereo.totals.used == {'left': 8, 'right': 8} and stereo.totals.pending == 0


def test_images_that_arrive_in_another_order_are_matched_by_stamp(graph, camera, stereo):
    camera.send_info()
    right = [camera.image('right')]
    camera.images['left'].publish(camera.image('left'))
    graph.wait(lambda: stereo.totals.received['left'] == 1)
    assert stereo.totals.used['left'] == 0
    camera.images['right'].publish(right[0])
    graph.wait(lambda: stereo.totals.used['left'] == 1)


def test_qos_can_be_overridden_by_the_usual_parameters(graph, start_stereo):
    stereo = start_stereo()
    assert stereo.has_parameter('qos_overrides./left/image_rect.subscription.reliability')
    assert stereo.has_parameter('qos_overrides./stereo_node/voxels/points.publisher.depth')
