"""What segmentation_node makes of the images of one camera."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ssc_ros.errors import DataError

pytestmark = pytest.mark.ros
NODE = '/segmentation_node'


class ColorCamera:
    """Publishes colour and its calibration, and depth where it is wanted."""

    def __init__(self, graph, template, *, depth=False, compressed=False):
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image

        kind, suffix = (CompressedImage, '/compressed') if compressed else (Image, '')
        self.template, self.graph = template, graph
        template._compressed = compressed
        self.rgb = graph.tester.create_publisher(kind, 'rgb/image_rect' + suffix, 5)
        self.info = graph.tester.create_publisher(CameraInfo, 'rgb/camera_info', 5)
        self.depth = (
            graph.tester.create_publisher(Image, 'depth/image_rect', 5) if depth else None)

    def connect(self):
        self.graph.wait(lambda: all(
            item.get_subscription_count()
            for item in (self.rgb, self.info, self.depth) if item is not None))

    def send(self, image=None, info=None, depth_m=None):
        from ssc_ros.messages.depth import encode_depth

        self.info.publish(info or self.template.info('left'))
        self.rgb.publish(image or self.template.image('left'))
        if depth_m is not None:
            self.depth.publish(encode_depth(depth_m, self.template.header()))
        self.template.stamp_ns += 100_000_000


@pytest.fixture
def start(graph):
    from rclpy.parameter import Parameter

    from ssc_ros.models.estimator import DummyImageEstimator
    from ssc_ros.nodes.segmentation_node import SegmentationNode

    def start_node(load=None, **parameters):
        node = graph.add(SegmentationNode(
            load=load or (lambda *args, **kwargs: DummyImageEstimator()),
            parameter_overrides=[Parameter(name.replace('__', '.'), value=value)
                                 for name, value in parameters.items()]))
        if parameters.get('autostart', True):
            graph.wait(lambda: node.state == 'active')
        return node

    return start_node


def collect(graph, node, kind, output):
    collector = graph.collect(kind, f'{NODE}/{output}')
    graph.wait(lambda: any(item.topic_name == f'{NODE}/{output}' and item.get_subscription_count()
                           for item in node.publishers))
    return collector


def images(graph, node, *outputs):
    from sensor_msgs.msg import Image

    return [collect(graph, node, Image, output) for output in outputs]


@pytest.mark.parametrize('compressed', [False, True], ids=['raw', 'compressed'])
def test_every_image_gives_all_outputs_with_its_stamp_and_frame(graph, camera, start, compressed):
    from sensor_msgs.msg import PointCloud2

    from ssc_ros.messages.cloud_reading import decode_cloud
    from ssc_ros.messages.depth import decode_depth
    from ssc_ros.messages.headers import stamp_ns
    from ssc_ros.messages.images import decode_image

    node = start(input__transport='compressed' if compressed else 'raw')
    encodings = {
        'label_image': 'mono8', 'label_image_color': 'rgb8', 'label_overlay': 'rgb8',
        'confidence': '32FC1', 'depth': '32FC1', 'nav/confidence': 'mono8'}
    collectors = dict(zip(encodings, images(graph, node, *encodings), strict=True))
    clouds = collect(graph, node, PointCloud2, 'semantic_points')
    sensor = ColorCamera(graph, camera, compressed=compressed)
    sensor.connect()
    sent_ns = camera.stamp_ns
    sensor.send()
    messages = {name: collector.wait()[0] for name, collector in collectors.items()}
    assert {name: msg.encoding for name, msg in messages.items()} == encodings
    cloud = clouds.wait()[0]
    for message in (*messages.values(), cloud):
        assert (stamp_ns(message.header.stamp), message.header.frame_id) == (
            sent_ns, 'left_optical_frame')
        assert (message.height, message.width) == (48, 64)
    labels, depth_m = decode_image(messages['label_image']), decode_depth(messages['depth'])
    assert set(np.unique(labels)) == {0, 1}  # wall above, floor below
    points = decode_cloud(cloud)
    is_shown = np.isfinite(points['z'])
    assert cloud.point_step == 24 and is_shown.any()
    np.testing.assert_array_equal(points['label'][is_shown], labels[is_shown])
    np.testing.assert_array_equal(points['z'][is_shown], depth_m[is_shown])
    assert not points['observed'].any() and (points['confidence'] == 1).all()
    assert (decode_image(messages['nav/confidence']) == 255).all()


def test_points_of_a_depth_topic_are_measured_and_estimated_depth_is_sent_all_the_same(
        graph, camera, start):
    from sensor_msgs.msg import PointCloud2

    from ssc_ros.messages.cloud_reading import decode_cloud
    from ssc_ros.messages.depth import decode_depth

    node = start(depth__source='topic', depth__max_range_m=5.0)
    clouds, (depths,) = collect(graph, node, PointCloud2, 'semantic_points'), images(
        graph, node, 'depth')
    sensor = ColorCamera(graph, camera, depth=True)
    sensor.connect()
    depth_m = np.full((48, 64), 3.0, np.float32)
    depth_m[:, :10], depth_m[:, 10:20], depth_m[:, 20:30] = 0.0, 0.1, 6.0
    sensor.send(depth_m=depth_m)
    points = decode_cloud(clouds.wait()[0])
    np.testing.assert_array_equal(np.isfinite(points['z']), depth_m == 3)
    np.testing.assert_array_equal(points['observed'] == 1, depth_m == 3)
    assert decode_depth(depths.wait()[0]).max() == 4.0
    assert node.totals.used == {'rgb': 1, 'depth': 1}


def test_depth_of_another_size_is_refused_with_the_remedy_and_registered_depth_heals(
        graph, camera, start, capfd):
    node = start(depth__source='topic')
    sensor = ColorCamera(graph, camera, depth=True)
    sensor.connect()
    sensor.send(depth_m=np.ones((24, 32), np.float32))
    graph.wait(lambda: node.totals.dropped.get('bad_image') == 2)
    assert 'registered' in capfd.readouterr().err
    sensor.send(depth_m=np.ones((48, 64), np.float32))
    graph.wait(lambda: node.totals.used['rgb'] == 1)


def test_uncertain_pixels_lose_label_and_point_while_the_node_runs(graph, camera, start):
    from sensor_msgs.msg import PointCloud2

    from ssc_ros.messages.cloud_reading import decode_cloud
    from ssc_ros.messages.images import decode_image
    from ssc_ros.models.estimator import DummyImageEstimator

    class Uncertain(DummyImageEstimator):
        def __call__(self, frame):
            estimate = super().__call__(frame)
            estimate.confidence[:, :32] = 0.25
            return estimate

    node = start(load=lambda *args, **options: Uncertain())
    (labels, confidences), clouds = images(graph, node, 'label_image', 'nav/confidence'), collect(
        graph, node, PointCloud2, 'semantic_points')
    sensor = ColorCamera(graph, camera)
    sensor.connect()
    assert graph.set_parameter(node, 'labels.min_confidence', 0.5).successful
    assert graph.set_parameter(node, 'depth.factor', 0.5).successful
    sensor.send()
    is_known = np.arange(64) >= 32
    np.testing.assert_array_equal(
        (decode_image(labels.wait()[0]) != 255).all(axis=0), is_known)
    points = decode_cloud(clouds.wait()[0])
    np.testing.assert_array_equal(np.isfinite(points['z']).any(axis=0), is_known)
    assert np.nanmax(points['z']) == 2.0
    assert set(np.unique(decode_image(confidences.wait()[0]))) == {64, 255}


def truncated(image):
    image.data = image.data[:10]


def wrong_encoding(image):
    image.encoding = 'bayer_rggb8'


def zero_size(image):
    image.height = image.width = 0


@pytest.mark.parametrize('spoil', [truncated, wrong_encoding, zero_size])
def test_malformed_images_are_named_once_and_the_next_good_one_is_used(
        graph, camera, start, capfd, spoil):
    node = start()
    sensor = ColorCamera(graph, camera)
    sensor.connect()
    for count in range(1, 4):
        bad = camera.image('left')
        spoil(bad)
        sensor.send(image=bad)
        graph.wait(lambda count=count: node.totals.dropped.get('bad_message') == count)
    warnings = [line for line in capfd.readouterr().err.splitlines()
                if line.startswith('[WARN]') and '/rgb/image_rect' in line]
    assert len(warnings) == 1
    sensor.send()
    graph.wait(lambda: node.totals.used['rgb'] == 1)
    assert node.state == 'active'


def test_images_of_any_size_are_labelled_once_their_calibration_came(graph, camera, start, capfd):
    node = start()
    labels, = images(graph, node, 'label_image')
    sensor = ColorCamera(graph, camera)
    sensor.connect()
    old_info = camera.info('left')
    camera.size = (100, 33)
    sensor.send(info=old_info)
    graph.wait(lambda: node.totals.dropped.get('bad_image') == 1)
    assert '(100, 33, 3)' in capfd.readouterr().err
    for size in ((100, 33), (7, 211), (1, 1)):
        camera.size = size
        sensor.send()
        message = labels.wait(1)[-1]
        labels.clear()
        assert (message.height, message.width) == size


def test_an_uncalibrated_camera_is_refused_with_the_remedy(graph, camera, start, capfd):
    node = start()
    sensor = ColorCamera(graph, camera)
    sensor.connect()
    info = camera.info('left')
    info.k, info.p = np.zeros(9), np.zeros(12)
    sensor.send(info=info)
    graph.wait(lambda: node.totals.dropped.get('bad_calibration') == 1)
    assert 'camera_calibration' in capfd.readouterr().err


def test_a_network_that_fails_costs_the_frame_not_the_node(graph, camera, start, capfd):
    from ssc_ros.models.estimator import DummyImageEstimator

    class Failing(DummyImageEstimator):
        error = True

        def __call__(self, frame):
            if self.error:
                raise DataError('this image is too odd: take another')
            return super().__call__(frame)

    network = Failing()
    node = start(load=lambda *args, **options: network)
    sensor = ColorCamera(graph, camera)
    sensor.connect()
    sensor.send()
    graph.wait(lambda: node.totals.dropped.get('estimator_failed') == 1)
    assert 'too odd: take another' in capfd.readouterr().err
    network.error = False
    sensor.send()
    graph.wait(lambda: node.totals.used['rgb'] == 1)


def test_classes_reach_late_joiners_as_json(graph, start):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String

    start()
    received = []
    graph.tester.create_subscription(
        String, f'{NODE}/classes', received.append,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    graph.wait(lambda: received)
    table = json.loads(received[0].data)
    assert table['label_space'] == 'nyu40' and table['unlabelled'] == 255
    assert table['classes'][1] == {'id': 1, 'name': 'floor', 'color': [0, 128, 0], 'cost': 0}
    costs = {entry['name']: entry['cost'] for entry in table['classes']}
    assert (costs['door'], costs['person'], costs['ceiling']) == (60, 100, None)


def test_the_legend_reaches_late_joiners(graph, start):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from sensor_msgs.msg import Image

    from ssc_ros.messages.images import decode_color
    from ssc_ros.messages.legend import draw_legend

    node = start()
    received = []
    graph.tester.create_subscription(
        Image, f'{NODE}/legend', received.append,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    graph.wait(lambda: received)
    np.testing.assert_array_equal(
        decode_color(received[0]), draw_legend(node._estimator.label_space))


def test_a_manager_can_take_the_node_down_and_up_again(graph, camera, start):
    node = start(autostart=False)
    sensor = ColorCamera(graph, camera)
    for _ in range(2):
        assert graph.transition(node, 'configure') and graph.transition(node, 'activate')
        sensor.connect()
        used = node.totals.used['rgb']
        sensor.send()
        graph.wait(lambda used=used: node.totals.used['rgb'] == used + 1)
        assert graph.transition(node, 'deactivate') and graph.transition(node, 'cleanup')
    assert not [item for item in node.publishers if item.topic_name.startswith(f'{NODE}/label')]


def test_weights_that_complete_scenes_are_refused_with_the_remedy(graph, start):
    from ssc_ros.models.estimator import load_image_estimator

    node = start(load=load_image_estimator, autostart=False, model__weights='random:ammnet/small')
    assert not graph.transition(node, 'configure')
    assert 'rgbd_node' in node.last_error and 'another node' in node.last_error


def test_diagnostics_tell_rate_and_drops(graph, camera, start):
    from diagnostic_msgs.msg import DiagnosticArray

    node = start()
    reports = graph.collect(DiagnosticArray, '/diagnostics')
    sensor = ColorCamera(graph, camera)
    sensor.connect()
    sensor.send()
    graph.wait(lambda: node.totals.used['rgb'] == 1)

    def values():
        return [{item.key: item.value for item in status.values}
                for report in reports.messages for status in report.status
                if 'segmentation_node' in status.name]

    graph.wait(lambda: any(report.get('used rgb') == '1' for report in values()))


class Record(SimpleNamespace):
    """Stands in for a message class: any fields."""


def test_label_info_names_every_class_as_the_nav2_layer_wants_it(monkeypatch):
    from ssc_ros.labels import load_label_space
    from ssc_ros.messages import label_info
    from ssc_ros.messages.classes import message_class

    module = ModuleType('vision_msgs.msg')
    module.VisionClass = Record
    module.LabelInfo = lambda **fields: Record(header=Record(), **fields)
    monkeypatch.setitem(sys.modules, 'vision_msgs', ModuleType('vision_msgs'))
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', module)
    message_class.cache_clear()
    message = label_info.encode_label_info(load_label_space('nyu12'), 'now')
    message_class.cache_clear()
    assert message.header.stamp == 'now'
    assert [(item.class_id, item.class_name) for item in message.class_map][:2] == [
        (1, 'ceiling'), (2, 'floor')]


def test_without_vision_msgs_the_node_says_what_is_missing(graph, start, capfd, monkeypatch):
    monkeypatch.setattr('ssc_ros.nodes.class_topics.has_label_info', lambda: False)
    node = start()
    assert 'vision_msgs is not installed' in capfd.readouterr().err
    assert not any(item.topic_name.endswith('label_info') for item in node.publishers)
