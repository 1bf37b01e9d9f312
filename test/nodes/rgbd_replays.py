"""Bags of RGB-D frames through rgbd_node, and what the offline estimator says of them."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ssc_ros.bags import BagReader, BagWriter, builders
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.geometry.cameras import PinholeCamera

NYU_CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
FRAME_ID = 'kinect_rgb_optical_frame'
STAMP_NS = 1_300_000_000_000_000_000


def write_kinect_bag(shared_data, path):
    """Write a bag of the one NYU frame whose depth image is public."""
    from training.datasets.nyu.raw import read_depth, read_volume

    raw = shared_data / 'nyu_raw' / 'depthbin' / 'NYUtest'
    if not raw.is_dir():
        pytest.skip(f'no NYU frame at {raw}')
    bgr = cv2.imread(str(shared_data / 'nyu_raw' / 'NYU0001_colors.jpg'))
    depth_mm = np.rint(read_depth(raw / 'NYU0001_0000.png') * 1000).astype(np.uint16)
    pose = read_volume(raw / 'NYU0001_0000.bin').T_world_camera
    with BagWriter(path) as writer:
        for topic, message in (
                ('/stereo/left/camera_info',
                 builders.camera_info(NYU_CAMERA, STAMP_NS, FRAME_ID)),
                ('/odom', builders.odometry(pose, STAMP_NS, FRAME_ID)),
                ('/stereo/left/image_rect_color',
                 builders.image(bgr[..., ::-1], STAMP_NS, FRAME_ID)),
                ('/stereo/left/depth/image_raw',
                 builders.image(depth_mm, STAMP_NS, FRAME_ID))):
            writer.write(topic, STAMP_NS, message)
    return path


def read_frames(bag, offline, *, count, heading='camera', pose_from_depth=False):
    with BagReader(bag) as reader:
        frames = FrameReader(
            reader, find_frame_topics(reader, kind='rgbd'),
            partial(offline.place_box, heading=heading), pose_from_depth=pose_from_depth)
        return [item.frame for item, _ in zip(frames, range(count), strict=False)]


class Replay:
    """
    rgbd_node on the messages of a bag, one frame after the other.

    Args:
        outputs: topics that are wanted, below the name of the node.
    """

    def __init__(self, graph, offline, bag, *, outputs=('voxels/labels', 'voxels/points'),
                 **parameters):
        from rclpy.parameter import Parameter
        from sensor_msgs.msg import Image, PointCloud2

        from ssc_ros.nodes.rgbd_node import RgbdNode

        self.graph = graph
        self.reader = BagReader(bag)
        self.topics = find_frame_topics(self.reader, kind='rgbd')
        self.remapped = {
            self.topics.first: 'rgb/image_rect', self.topics.first_info: 'rgb/camera_info',
            self.topics.second: 'depth/image_rect', self.topics.odometry: 'odom'}
        values = {
            'model.weights': offline.name,
            'input.transport': 'compressed' if self.topics.is_compressed else 'raw',
            **{f'qos_overrides./{topic}{suffix}.subscription.reliability': 'reliable'
               for topic in self.remapped.values() for suffix in ('', *self.suffix(topic))},
            **parameters}
        self.node = graph.add(RgbdNode(
            load=lambda *args, **options: offline,
            parameter_overrides=[Parameter(name, value=value)
                                 for name, value in values.items()]))
        graph.wait(lambda: self.node.state == 'active', 120.0)
        self.collectors = {
            output: self.collect(PointCloud2 if 'points' in output else Image, output)
            for output in outputs}
        self.publishers = {}

    def suffix(self, topic):
        if not self.topics.is_compressed or not topic.endswith('image_rect'):
            return ()
        return ('/compressedDepth',) if topic.startswith('depth') else ('/compressed',)

    def collect(self, kind, output):
        topic = f'/rgbd_node/{output}'
        collector = self.graph.collect(kind, topic)
        self.graph.wait(lambda: any(item.topic_name == topic and item.get_subscription_count()
                                    for item in self.node.publishers))
        return collector

    def connect(self, listens_to_odometry):
        from ssc_ros.messages.classes import message_class

        for source, target in self.remapped.items():
            if target == 'odom' and not listens_to_odometry:
                continue
            package, _, name = self.reader.topics[source].type_name.split('/')
            self.publishers[source] = self.graph.tester.create_publisher(
                message_class(f'{package}/{name}'), target + ''.join(self.suffix(target)), 5)
        self.graph.wait(lambda: all(
            publisher.get_subscription_count() for publisher in self.publishers.values()))

    def run(self, count, before_frame=lambda index: None):
        """Send the first frames in lockstep; return messages by output, and totals."""
        later = {self.topics.first, self.topics.second}
        sent = dict.fromkeys(self.publishers, 0)
        messages = list(self.reader.messages(tuple(self.publishers)))
        for done in range(count):
            before_frame(done)
            for is_image in (False, True):
                for source, publisher in self.publishers.items():
                    if (source in later) == is_image:
                        own = [item for item in messages if item.topic == source]
                        publisher.publish(own[sent[source]].data)
                        sent[source] += 1
            self.graph.wait(lambda done=done: self.node.totals.used['rgb'] == done + 1, 60.0)
        self.reader.close()
        return SimpleNamespace(
            messages={output: collector.wait(count)
                      for output, collector in self.collectors.items()},
            totals=self.node.totals)


def assert_equal_voxel_for_voxel(published, frames, offline):
    """Compare labels, confidences and the observed flag of every voxel."""
    assert not published.totals.dropped
    volumes, clouds = (published.messages[name] for name in ('voxels/labels', 'voxels/points'))
    assert len(volumes) == len(clouds) == len(frames)
    for frame, volume, cloud in zip(frames, volumes, clouds, strict=True):
        assert_voxels_equal(offline(frame), volume, cloud)


def assert_voxels_equal(expected, volume, message):
    """Compare a label volume and a cloud with an estimate."""
    from ssc_ros.geometry.transforms import inverse_rigid
    from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud
    from ssc_ros.messages.volumes import decode_label_volume

    labels = decode_label_volume(volume, expected.grid.shape)
    np.testing.assert_array_equal(labels, expected.labels)
    cloud = decode_cloud(message)
    T_voxel_camera = inverse_rigid(expected.T_camera_voxel)
    points = cloud_xyz(cloud) @ T_voxel_camera[:3, :3].T + T_voxel_camera[:3, 3]
    cells, is_inside = expected.grid.point_to_index(points)
    assert is_inside.all() and len(points) == (expected.labels > 0).sum() > 0
    index = tuple(cells.T)
    np.testing.assert_array_equal(cloud['label'], expected.labels[index])
    np.testing.assert_array_equal(cloud['confidence'], expected.confidence[index])
    np.testing.assert_array_equal(cloud['observed'].astype(bool), expected.observed[index])
    assert 0 < cloud['observed'].mean() < 1
