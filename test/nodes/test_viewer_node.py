from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip('viser')

pytestmark = [
    pytest.mark.ros,
    # viser 1.1 leaves a socket of its event loop to the garbage collector.
    pytest.mark.filterwarnings('ignore::ResourceWarning'),
]

ANY_FREE_PORT_FROM = 18765


class Source:
    """Publishes what a perception node would, without a network."""

    def __init__(self, graph: Any, camera: Any) -> None:
        from sensor_msgs.msg import Image, PointCloud2

        from ssc_ros.frames import SceneEstimate
        from ssc_ros.geometry.cameras import PinholeCamera
        from ssc_ros.geometry.placement import nyu_placement
        from ssc_ros.geometry.transforms import level_camera_pose
        from ssc_ros.labels import load_label_space

        self._camera = camera
        self.publishers = {
            topic: graph.tester.create_publisher(kind, f'stereo_node/{topic}', 5)
            for topic, kind in (('voxels/points', PointCloud2), ('label_image', Image),
                                ('depth', Image))}
        box = nyu_placement(level_camera_pose(height_m=1.2))
        labels = np.zeros(box.grid.shape, np.uint8)
        labels[:, 0] = 2
        labels[20:40, 1:8, 30:40] = 6
        height, width = camera.size
        self.estimate = SceneEstimate(
            labels=labels, confidence=np.full(labels.shape, 0.5, np.float32),
            observed=labels == 2, grid=box.grid, T_camera_voxel=box.T_camera_voxel,
            camera=PinholeCamera(50.0, 50.0, (width - 1) / 2, (height - 1) / 2, height, width),
            label_space=load_label_space('nyu12'))

    def send(self, *topics: str) -> None:
        """Publish the outputs for the stamp that the camera sends next."""
        from ssc_ros.messages.clouds import encode_cloud
        from ssc_ros.messages.depth import encode_depth
        from ssc_ros.messages.label_images import encode_label_image
        from ssc_ros.messages.voxels import voxel_cloud

        header, size = self._camera.header(), self._camera.size
        messages = {
            'voxels/points': lambda: encode_cloud(voxel_cloud(self.estimate), header),
            'label_image': lambda: encode_label_image(np.full(size, 6, np.uint8), header),
            'depth': lambda: encode_depth(np.full(size, 2.0, np.float32), header)}
        for topic in topics or messages:
            self.publishers[topic].publish(messages[topic]())


@pytest.fixture
def source(graph, camera) -> Source:
    return Source(graph, camera)


@pytest.fixture
def start_viewer(graph, camera, source) -> Callable[..., Any]:
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.viewer_node import ViewerNode

    def start(**parameters: Any) -> Any:
        parameters = {'port': ANY_FREE_PORT_FROM} | parameters
        node = graph.add(ViewerNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()]))
        graph.wait(lambda: node.state == 'active')
        publishers = [*source.publishers.values(), camera.images['left'], camera.infos['left']]
        graph.wait(lambda: all(item.get_subscription_count() for item in publishers))
        return node

    return start


def caption(node: Any) -> str:
    return str(node.view.controls.caption.content)


def send_all(camera: Any, source: Source) -> None:
    camera.send_info()
    source.send()
    camera.send_images()


def test_the_outputs_of_one_stamp_and_its_image_become_one_frame(
        graph, camera, source, start_viewer):
    node = start_viewer()
    send_all(camera, source)
    frame = graph.wait(lambda: node.view.frame)
    assert frame.estimate.stamp_ns == 1_000_000_000_000
    assert frame.estimate.grid.voxel_size_m == pytest.approx(0.08, rel=1e-4)
    labels, counts = np.unique(frame.estimate.labels, return_counts=True)
    assert dict(zip(labels.tolist(), counts.tolist(), strict=True)) | {255: 0} == {
        2: 3600, 6: 1400, 255: 0}
    assert int(frame.estimate.observed.sum()) == 3600
    assert (frame.image == 100).all()
    assert (frame.estimate.image_labels == 6).all()
    assert np.allclose(frame.estimate.depth_m, 2.0)


def test_a_node_without_label_image_is_shown_one_frame_late(graph, camera, source, start_viewer):
    node = start_viewer()
    for _ in range(2):
        camera.send_info()
        source.send('voxels/points')
        camera.send_images()
    frame = graph.wait(lambda: node.view.frame)
    assert frame.estimate.stamp_ns == 1_000_000_000_000
    assert frame.estimate.image_labels is None


def test_a_cloud_that_is_no_voxel_lattice_is_reported_and_the_next_one_shown(
        graph, camera, source, start_viewer):
    node = start_viewer()
    reported = []
    node.reporter.warn = lambda *args: reported.append(args)
    whole = source.estimate
    source.estimate = whole.__class__(**{
        name: getattr(whole, name) for name in whole.__slots__} | {
            'labels': np.zeros_like(whole.labels)})
    send_all(camera, source)
    graph.wait(lambda: reported)
    assert reported[0][:2] == ('not_shown', 'stereo_node/voxels/points')
    source.estimate = whole
    send_all(camera, source)
    assert graph.wait(lambda: node.view.frame).estimate.stamp_ns == 1_000_100_000_000


def test_an_inactive_viewer_keeps_its_page_and_a_cleaned_up_one_closes_it(
        graph, camera, source, start_viewer):
    node = start_viewer()
    view = node.view
    assert graph.transition(node, 'deactivate')
    assert view.is_running
    assert graph.transition(node, 'cleanup')
    assert not view.is_running
    assert node.view is None


def test_an_unknown_label_space_is_an_error_that_names_the_known_ones(graph):
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.viewer_node import ViewerNode

    node = graph.add(ViewerNode(parameter_overrides=[Parameter('label_space', value='nyu13')]))
    graph.wait(lambda: node.last_error)
    assert "'nyu13'" in node.last_error and 'nyu12' in node.last_error
