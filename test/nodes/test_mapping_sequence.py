"""mapping_node on real frames: the volume of the node is that of the desk, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.ros

FRAMES = 5


@pytest.fixture(scope='module')
def bag(shared_data, tmp_path_factory):
    """Return a bag of neighbouring frames of 7-Scenes, the floor at z = 0."""
    from training.datasets.scans.bag import ScanBagOptions, write_scan_bag
    from training.datasets.scans.sequences import open_seven_scenes

    folder = shared_data / 'rgbd_sequences' / 'sevenscenes'
    if not folder.is_dir():
        pytest.skip(f'no frames of 7-Scenes at {folder}')
    scan = open_seven_scenes(folder)
    scan.frame_ids = scan.frame_ids[:FRAMES]
    path = tmp_path_factory.mktemp('sequence') / 'bag'
    write_scan_bag(path, scan, ScanBagOptions(levels_floor=True))
    return path


def expected_volume(bag, fusion, settings):
    """Fuse the frames of a bag at the desk."""
    from ssc_ros.bags import BagReader
    from ssc_ros.bags.frames import FrameReader, find_frame_topics
    from ssc_ros.fusion.posed_frame import PosedFrame
    from ssc_ros.fusion.preparation import prepare_frame
    from ssc_ros.geometry.placement import place_rounded
    from ssc_ros.messages.headers import stamp_ns
    from ssc_ros.messages.odometry import decode_odometry

    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
        poses = {stamp_ns(message.decode().header.stamp): decode_odometry(message.decode())
                 for message in reader.messages((topics.odometry,))}
        for item in FrameReader(reader, topics, lambda pose: place_rounded('nyu', pose)):
            frame, pose = item.frame, poses[item.frame.stamp_ns].T_parent_child
            prepared = prepare_frame(PosedFrame(
                '', frame.depth_m, frame.rgb, frame.camera, frame.camera, pose), settings)
            fusion.follow(fusion.column_of(pose[:3, 3]))
            fusion.integrate(prepared)
    return fusion.volume()


def play(graph, node, bag):
    """Publish the messages of a bag, frame by frame, as the node takes them."""
    from ssc_ros.bags import BagReader
    from ssc_ros.bags.frames import find_frame_topics
    from ssc_ros.messages.classes import message_class

    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
        targets = {topics.odometry: 'odom', topics.first_info: 'rgb/camera_info',
                   topics.first: 'rgb/image_rect/compressed',
                   topics.second: 'depth/image_rect/compressedDepth'}
        publishers, messages = {}, {}
        for source, target in targets.items():
            package, _, name = reader.topics[source].type_name.split('/')
            publishers[source] = graph.tester.create_publisher(
                message_class(f'{package}/{name}'), target, 5)
            messages[source] = [item.data for item in reader.messages((source,))]
    graph.wait(lambda: all(item.get_subscription_count() for item in publishers.values()))
    for index in range(FRAMES):
        for source, publisher in publishers.items():
            publisher.publish(messages[source][index])
        graph.wait(lambda index=index: node.engine.counts.frames == index + 1, 60)


def test_real_frames_are_mapped_as_at_the_desk_and_completed(graph, bag):
    from rclpy.parameter import Parameter

    from ssc_ros.fusion.rolling_fusion import RollingFusion
    from ssc_ros.fusion.settings import FusionSettings
    from ssc_ros.nodes.mapping_node import MappingNode

    values = {'model.weights': 'dummy', 'pose.source': 'odometry', 'map.extent_m': 7.68,
              'input.transport': 'compressed', 'completion.rest_s': 0.02,
              **{f'qos_overrides./{topic}.subscription.reliability': 'reliable' for topic in (
                  'odom', 'rgb/camera_info', 'rgb/image_rect/compressed',
                  'depth/image_rect/compressedDepth')}}
    node = graph.add(MappingNode(parameter_overrides=[
        Parameter(name, value=value) for name, value in values.items()]))
    graph.wait(lambda: node.state == 'active')
    play(graph, node, bag)
    graph.wait(lambda: node.engine.waiting_tiles == 0 and node.engine.counts.completions, 60)
    view = node.engine.map.view()
    settings = FusionSettings()
    expected = expected_volume(bag, RollingFusion(
        view.volume.grid.shape, voxel_size_m=0.04, settings=settings), settings)
    for name in ('tsdf_m', 'weight', 'rgb'):
        np.testing.assert_array_equal(
            getattr(view.volume, name), getattr(expected, name), err_msg=name)
    voxels = view.voxels
    assert voxels.observed.sum() > 5000 and (~voxels.observed).sum() > 100
    assert not node.totals.dropped
