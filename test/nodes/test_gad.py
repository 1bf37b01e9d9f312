"""What segmentation_node publishes of GAD is what the offline estimator says, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import ImageReader, find_frame_topics
from ssc_ros.commands.samples import sample_bag

pytestmark = [pytest.mark.ros, pytest.mark.timeout(200)]

WEIGHTS = 'random:gad/small'
FRAMES = 2
OUTPUTS = ('label_image', 'confidence', 'depth', 'semantic_points')


@pytest.fixture(scope='module')
def offline():
    pytest.importorskip('torch')
    from ssc_ros.models.estimator import load_image_estimator

    return load_image_estimator(WEIGHTS, device='cpu')


@pytest.fixture
def published(graph, offline):
    """Send the first images of the sample bag through the node; return its messages by output."""
    from rclpy.parameter import Parameter
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

    from ssc_ros.nodes.segmentation_node import SegmentationNode

    reliable = {f'qos_overrides./{topic}.subscription.reliability': 'reliable'
                for topic in ('rgb/image_rect/compressed', 'rgb/camera_info')}
    node = graph.add(SegmentationNode(
        load=lambda *args, **options: offline,
        parameter_overrides=[Parameter(name, value=value) for name, value in {
            'model.weights': WEIGHTS, 'input.transport': 'compressed', **reliable}.items()]))
    graph.wait(lambda: node.state == 'active', 60.0)
    collectors = {
        name: graph.collect(
            PointCloud2 if 'points' in name else Image, f'/segmentation_node/{name}')
        for name in OUTPUTS}
    graph.wait(lambda: sum(
        item.topic_name.rpartition('/')[2] in OUTPUTS and item.get_subscription_count() > 0
        for item in node.publishers if '/nav/' not in item.topic_name) == len(OUTPUTS))
    images = graph.tester.create_publisher(CompressedImage, 'rgb/image_rect/compressed', 5)
    infos = graph.tester.create_publisher(CameraInfo, 'rgb/camera_info', 5)
    graph.wait(lambda: images.get_subscription_count() and infos.get_subscription_count())
    with BagReader(sample_bag()) as reader:
        topics = find_frame_topics(reader, kind='rgb')
        sent = {topic: [item.data for item in reader.messages((topic,))]
                for topic in (topics.first, topics.first_info)}
    for index in range(FRAMES):
        infos.publish(sent[topics.first_info][index])
        images.publish(sent[topics.first][index])
        graph.wait(lambda index=index: node.totals.used['rgb'] == index + 1, 60.0)
    assert not node.totals.dropped
    return {name: collector.wait(FRAMES) for name, collector in collectors.items()}


def test_synthetic_rooms_give_the_offline_estimate(published, offline):
    from ssc_ros.geometry.projection import unproject_depth
    from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud
    from ssc_ros.messages.depth import decode_depth
    from ssc_ros.messages.headers import stamp_ns
    from ssc_ros.messages.images import decode_image

    with BagReader(sample_bag()) as reader:
        frames = [item.frame for item, _ in zip(
            ImageReader(reader, find_frame_topics(reader, kind='rgb')), range(FRAMES),
            strict=False)]
    for index, frame in enumerate(frames):
        messages = {name: items[index] for name, items in published.items()}
        expected = offline(frame)
        assert {stamp_ns(item.header.stamp) for item in messages.values()} == {frame.stamp_ns}
        np.testing.assert_array_equal(
            decode_image(messages['label_image']), expected.image_labels)
        np.testing.assert_array_equal(decode_image(messages['confidence']), expected.confidence)
        np.testing.assert_array_equal(decode_depth(messages['depth']), expected.depth_m)
        cloud = decode_cloud(messages['semantic_points'])
        is_shown = (expected.depth_m >= 0.3) & (expected.depth_m <= 10)
        np.testing.assert_array_equal(np.isfinite(cloud['z']), is_shown)
        np.testing.assert_array_equal(
            cloud_xyz(cloud)[is_shown], unproject_depth(expected.depth_m, frame.camera)[is_shown])
        np.testing.assert_array_equal(cloud['label'][is_shown], expected.image_labels[is_shown])
        assert len(np.unique(expected.image_labels)) > 1


def test_the_node_runs_the_network_with_the_backend_of_its_parameter(
        graph, tmp_path, monkeypatch):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    from rclpy.parameter import Parameter

    from ssc_ros.models.onnx_backend import OnnxBackend
    from ssc_ros.nodes.segmentation_node import SegmentationNode

    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    node = graph.add(SegmentationNode(parameter_overrides=[
        Parameter(name, value=value) for name, value in {
            'model.weights': WEIGHTS, 'model.device': 'cpu',
            'model.backend': 'onnxruntime'}.items()]))
    graph.wait(lambda: node.state == 'active', 150.0)
    assert isinstance(node._estimator.backend, OnnxBackend)
    assert list(tmp_path.rglob('*.onnx'))
