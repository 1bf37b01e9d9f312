"""A real KITTI pair walks through the node with a full-size outdoor network (random weights)."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ssc_ros.labels import load_label_space

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(600)]

STAMP_NS = 1_700_000_000_000_000_000
CAMERA_HEIGHT_M = 1.65
BAND_M = (1.0, 1.2)
FRAME_ID = 'cam2_optical_frame'


@pytest.fixture(scope='module')
def pair(shared_data):
    """Return images and projection matrices as the data set ships them."""
    folder = shared_data / 'kitti_stereo' / 'odometry_00'
    if not folder.is_dir():
        pytest.skip(f'no KITTI pair at {folder}')
    lines = dict(line.split(':') for line in (folder / 'calib.txt').read_text().splitlines()
                 if line.strip())
    sides = {'left': ('image_2', 'P2'), 'right': ('image_3', 'P3')}
    return {
        side: SimpleNamespace(
            rgb=cv2.cvtColor(cv2.imread(str(folder / images / '000000.png')), cv2.COLOR_BGR2RGB),
            P=np.array(lines[name].split(), np.float64).reshape(3, 4))
        for side, (images, name) in sides.items()}


def publish_pair(graph, pair):
    """Return a function that sends the pair as a rectifying driver does."""
    from sensor_msgs.msg import CameraInfo, Image

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.images import encode_image

    header = make_header(STAMP_NS, FRAME_ID)
    publishers = []
    for side, view in pair.items():
        height, width = view.rgb.shape[:2]
        info = CameraInfo(
            header=header, height=height, width=width, distortion_model='plumb_bob',
            d=[0.0] * 5, k=view.P[:, :3].reshape(-1), r=np.eye(3).reshape(-1),
            p=view.P.reshape(-1))
        publishers += [
            (graph.tester.create_publisher(CameraInfo, f'{side}/camera_info', 5), info),
            (graph.tester.create_publisher(Image, f'{side}/image_rect', 5),
             encode_image(view.rgb, 'rgb8', header))]
    graph.wait(lambda: all(publisher.get_subscription_count() for publisher, _ in publishers))
    for publisher, message in publishers:
        publisher.publish(message)


@pytest.fixture(scope='module')
def walk(pair, _rclpy, make_graph):
    """Return what the node sent for the pair, and the frame its network got."""
    pytest.importorskip('torch')
    from rclpy.parameter import Parameter
    from sensor_msgs.msg import Image, PointCloud2

    from ssc_ros.models.estimator import load_estimator
    from ssc_ros.nodes.stereo_node import StereoNode

    values = {
        'model.weights': 'random:k7', 'pose.camera_height_m': CAMERA_HEIGHT_M,
        'outputs.completed_min_confidence': 0.0,  # of random weights nothing is certain
        'outputs.obstacle_min_height_m': BAND_M[0], 'outputs.obstacle_max_height_m': BAND_M[1]}
    graph = make_graph()
    frames = []

    class Recorder:
        def __init__(self, estimator):
            self.estimator = estimator

        def __getattr__(self, name):
            return getattr(self.estimator, name)

        def __call__(self, frame):
            frames.append(frame)
            return self.estimator(frame)

    try:
        node = graph.add(StereoNode(
            load=lambda *args, **options: Recorder(load_estimator(*args, **options)),
            parameter_overrides=[Parameter(name, value=value)
                                 for name, value in values.items()]))
        graph.wait(lambda: node.state == 'active', 300.0)
        topics = {'voxels/labels': Image, 'nav/obstacles': PointCloud2, 'label_image': Image}
        collectors = {name: graph.collect(kind, f'/stereo_node/{name}')
                      for name, kind in topics.items()}
        for name in topics:
            graph.wait(lambda name=name: any(
                item.topic_name == f'/stereo_node/{name}' and item.get_subscription_count()
                for item in node.publishers))
        publish_pair(graph, pair)
        messages = {name: collector.wait(1, 300.0)[0] for name, collector in collectors.items()}
        graph.wait(lambda: node.totals.pending == 0)  # counted after the last output was sent
        return SimpleNamespace(messages=messages, frame=frames[0], totals=node.totals)
    finally:
        graph.close()


def test_the_pair_is_used_and_every_output_carries_its_stamp_and_frame(walk):
    assert walk.totals.used == {'left': 1, 'right': 1} and not walk.totals.dropped
    for message in walk.messages.values():
        assert (message.header.stamp.sec, message.header.frame_id) == (1_700_000_000, FRAME_ID)
    assert (walk.messages['label_image'].height, walk.messages['label_image'].width) == (376, 1241)


def test_the_rig_is_that_of_the_published_calibration(walk):
    rig = walk.frame.rig
    # Geiger et al., sequence 00: (45.38225 + 337.2877) / 718.856.
    assert rig.baseline_m == pytest.approx(0.53233, abs=1e-5)
    assert (rig.left.fx, rig.left.cx, rig.left.cy) == pytest.approx((718.856, 607.1928, 185.2157))


def test_the_road_of_the_real_pair_lies_at_camera_height(walk):
    """Disparity by block matching and the node's rig give the height of the camera."""
    frame = walk.frame
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (frame.left, frame.right)]
    matcher = cv2.StereoSGBM_create(minDisparity=0, numDisparities=128, blockSize=7)
    disparity = matcher.compute(*gray).astype(np.float64) / 16
    v = np.mgrid[300:370, 480:740][0]
    shift = disparity[300:370, 480:740]
    depth_m = frame.rig.left.fx * frame.rig.baseline_m / shift[shift > 5]
    below_m = (v[shift > 5] - frame.rig.left.cy) / frame.rig.left.fy * depth_m
    assert np.median(below_m) == pytest.approx(CAMERA_HEIGHT_M, abs=0.1)
    assert (np.abs(below_m - CAMERA_HEIGHT_M) < 0.15).mean() > 0.8


def test_voxels_stand_where_the_outdoor_box_has_them(walk):
    """Written out from SemanticKITTI's box, ground at z = -1.73 and camera at (0.29, 0.05)."""
    from ssc_ros.messages.cloud_reading import decode_cloud
    from ssc_ros.messages.volumes import decode_label_volume

    labels = decode_label_volume(walk.messages['voxels/labels'], (256, 256, 32))
    i, j, k = np.indices(labels.shape)
    forward, left, up = 0.2 * (i + 0.5), -25.6 + 0.2 * (j + 0.5), -2.0 + 0.2 * (k + 0.5)
    height_m = up + 1.73
    space = load_label_space('semantic_kitti20')
    ground = [space.names.index(name) for name in
              ('road', 'parking', 'sidewalk', 'other-ground', 'terrain')]
    is_obstacle = ((labels > 0) & (labels != 255) & ~np.isin(labels, ground)
                   & (height_m >= BAND_M[0]) & (height_m <= BAND_M[1]))
    expected = np.stack([0.05 - left, CAMERA_HEIGHT_M - height_m, forward - 0.29], axis=-1)
    cloud = decode_cloud(walk.messages['nav/obstacles'])
    points = np.stack([cloud[axis] for axis in 'xyz'], axis=-1)
    assert len(points) == is_obstacle.sum() > 0
    np.testing.assert_allclose(points, expected[is_obstacle], atol=1e-3)
    np.testing.assert_array_equal(cloud['label'], labels[is_obstacle])
