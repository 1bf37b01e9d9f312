"""What rgbd_node publishes of IMENet is the offline estimate, voxel for voxel, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.commands.samples import sample_bag

pytestmark = [pytest.mark.ros, pytest.mark.timeout(280)]

WEIGHTS = 'random:imenet/small'
OUTPUTS = ('voxels/labels', 'voxels/points', 'label_image', 'confidence', 'nav/confidence',
           'depth', 'semantic_points')


@pytest.fixture(scope='module')
def offline():
    pytest.importorskip('torch')
    from ssc_ros.models.estimator import load_estimator

    return load_estimator(WEIGHTS, device='cpu')


@pytest.fixture
def replay(graph, offline, rgbd_replays):
    """Return a starter of replays that hear all outputs."""
    def start(bag, **parameters):
        replay = rgbd_replays.Replay(graph, offline, bag, outputs=OUTPUTS, **parameters)
        replay.connect(listens_to_odometry=parameters['pose.source'] == 'odometry')
        return replay

    return start


def assert_equal(published, index, expected, replays):
    """Compare all that was published of a frame with its estimate."""
    from ssc_ros.messages.cloud_reading import decode_cloud
    from ssc_ros.messages.depth import decode_depth
    from ssc_ros.messages.headers import stamp_ns
    from ssc_ros.messages.images import decode_image

    messages = {name: items[index] for name, items in published.messages.items()}
    assert {stamp_ns(item.header.stamp) for item in messages.values()} == {expected.stamp_ns}
    replays.assert_voxels_equal(expected, messages['voxels/labels'], messages['voxels/points'])
    np.testing.assert_array_equal(decode_image(messages['label_image']), expected.image_labels)
    np.testing.assert_array_equal(
        decode_image(messages['confidence']), expected.image_confidence)
    np.testing.assert_array_equal(
        decode_image(messages['nav/confidence']), np.rint(expected.image_confidence * 255))
    depth_m = decode_depth(messages['depth'])
    np.testing.assert_array_equal(depth_m, expected.depth_m)
    cloud = decode_cloud(messages['semantic_points'])
    is_measured = np.isfinite(cloud['z'])
    np.testing.assert_array_equal(is_measured, depth_m > 0)
    np.testing.assert_array_equal(
        cloud['label'][is_measured], expected.image_labels[is_measured])
    np.testing.assert_array_equal(
        cloud['confidence'][is_measured], expected.image_confidence[is_measured])


def test_synthetic_rooms_give_the_offline_estimate_at_any_number_of_iterations(
        graph, offline, rgbd_replays, replay):
    wanted = (3, 0, 1)
    frames = rgbd_replays.read_frames(sample_bag(), offline, count=len(wanted))
    session = replay(sample_bag(), **{
        'pose.source': 'odometry', 'model.iterations': wanted[0]})

    def change(index):
        if index:
            assert graph.set_parameter(
                session.node, 'model.iterations', wanted[index]).successful

    published = session.run(len(wanted), before_frame=change)
    assert not published.totals.dropped
    for index, iterations in enumerate(wanted):
        offline.iterations = iterations
        assert_equal(published, index, offline(frames[index]), rgbd_replays)


@pytest.mark.parametrize('pose', [
    {'pose.source': 'odometry', 'pose.heading': 'world'}, {'pose.source': 'depth'}],
    ids=['odometry', 'depth'])
def test_a_real_kinect_frame_gives_the_offline_estimate(
        offline, rgbd_replays, kinect_bag, replay, pose):
    frame, = rgbd_replays.read_frames(
        kinect_bag, offline, count=1, heading=pose.get('pose.heading', 'camera'),
        pose_from_depth=pose['pose.source'] == 'depth')
    published = replay(kinect_bag, **pose).run(1)
    assert not published.totals.dropped
    assert_equal(published, 0, offline(frame), rgbd_replays)


def test_a_configuration_that_a_camera_does_not_feed_is_not_started(graph, capfd):
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.rgbd_node import RgbdNode

    pytest.importorskip('torch')
    node = graph.add(RgbdNode(parameter_overrides=[
        Parameter('model.weights', value='random:imenet/small-labels')]))
    graph.wait(lambda: node.last_error, 120.0)
    assert node.state == 'unconfigured'
    assert 'reads labels or encodings that a camera does not give' in node.last_error
