"""Every parameter of every node, changed over DDS: taken at once, or refused with the remedy."""

from __future__ import annotations

import importlib
import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.ros

REMEDIES = {'activation': 'deactivate the node', 'configuration': 'clean up the node',
            'start': 'start it with the new value'}


@pytest.fixture(scope='module')
def parameter_classes(root: Path) -> Mapping[str, type[Any]]:
    return runpy.run_path(str(root / 'docs' / 'generate.py'))['NODE_PARAMETERS']


SPECIAL = {'outputs.class_costs': 'rug:0, curtain:30'}
NODES = ('stereo_node', 'rgbd_node', 'segmentation_node', 'mapping_node', 'bag_player_node',
         'bag_recorder_node', 'evaluator_node', 'viewer_node')


def create(name: str) -> Any:
    """Return an unconfigured node of an executable."""
    from rclpy.parameter import Parameter

    module = importlib.import_module(f'ssc_ros.nodes.{name}')
    class_name = ''.join(word.capitalize() for word in name.split('_'))
    return getattr(module, class_name)(parameter_overrides=[Parameter('autostart', value=False)])


def other_value(entry: Any) -> Any:
    """Return an allowed value that is not the default, where there is one."""
    if entry.name in SPECIAL:
        return SPECIAL[entry.name]
    if entry.choices:
        return next(choice for choice in entry.choices if choice != entry.default)
    if entry.type_name == 'bool':
        return not entry.default
    if entry.type_name in ('integer', 'double'):
        step = 1 if entry.type_name == 'integer' else 0.01
        limit = float('inf') if entry.maximum is None else entry.maximum
        return entry.default + step if entry.default + step <= limit else entry.default - step
    return [*entry.default] if entry.type_name == 'string_array' else f'{entry.default}x'


def set_all(graph: Any, node: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for every change by itself, as `ros2 param set` does; return result by name."""
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    request = SetParameters.Request(parameters=[
        Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
    service = f'{node.get_fully_qualified_name()}/set_parameters'
    return dict(zip(values, graph.call(SetParameters, service, request).results, strict=True))


def test_no_node_is_left_out(parameter_classes):
    assert set(parameter_classes) == set(NODES)


@pytest.mark.parametrize('name', NODES)
@pytest.mark.parametrize('state', ['active', 'inactive', 'unconfigured'])
def test_what_is_not_read_again_is_refused_with_what_to_do(
        graph, parameter_classes, name, state):
    from ssc_ros.nodes.parameters import parameter_reference

    entries = parameter_reference(parameter_classes[name])
    node = graph.add(create(name))
    node.state = state
    allowed = {'active': ('live',), 'inactive': ('live', 'activation'),
               'unconfigured': ('live', 'activation', 'configuration')}[state]
    late = {entry.name: entry for entry in entries if entry.read not in allowed}
    before = node.parameters
    results = set_all(graph, node, {name: other_value(entry) for name, entry in late.items()})
    for name, result in results.items():
        assert not result.successful, name
        assert REMEDIES[late[name].read] in result.reason and name in result.reason, name
    assert node.parameters == before


@pytest.mark.parametrize('name', NODES)
def test_every_live_parameter_is_taken_while_active(graph, parameter_classes, name):
    from ssc_ros.nodes.parameters import parameter_reference

    live = [entry for entry in parameter_reference(parameter_classes[name]) if entry.live]
    node = graph.add(create(name))
    node.state = 'active'
    wanted = {entry.name: other_value(entry) for entry in live}
    results = set_all(graph, node, wanted)
    assert {name: result.reason for name, result in results.items() if not result.successful} == {}
    for entry in live:
        value: Any = node.parameters
        for part in entry.name.split('.'):
            value = getattr(value, part)
        expected = wanted[entry.name]
        if entry.path:
            assert Path(value).name == Path(expected).name, entry.name
        else:
            assert value == (tuple(expected) if isinstance(expected, list) else expected)


def test_parameters_tell_users_when_they_can_change(graph):
    from rcl_interfaces.srv import DescribeParameters

    graph.add(create('stereo_node'))
    names = ['sync.tolerance_ms', 'sync.policy', 'model.weights', 'autostart']
    descriptors = graph.call(
        DescribeParameters, '/stereo_node/describe_parameters',
        DescribeParameters.Request(names=names)).descriptors
    for descriptor, words in zip(descriptors, (
            'can change at any time', 'while the node is inactive',
            'while the node is unconfigured', 'can only be given at start'), strict=True):
        assert words in descriptor.additional_constraints, descriptor.name


def test_the_tolerance_of_stamps_changes_between_two_pairs(graph, stereo, camera):
    camera.send_info()

    def send_apart() -> None:
        right = camera.image('right')
        right.header.stamp.nanosec += 50_000_000
        camera.send_images(right=right)

    send_apart()
    graph.wait(lambda: stereo.totals.received['right'] == 1)
    assert stereo.totals.used['left'] == 0
    assert graph.set_parameter(stereo, 'sync.tolerance_ms', 60.0).successful
    camera.stamp_ns += 1_000_000_000
    send_apart()
    graph.wait(lambda: stereo.totals.used['left'] == 1)


def test_the_height_of_the_camera_moves_the_next_scene(graph, stereo, camera, estimator):
    camera.send()
    graph.wait(lambda: stereo.totals.used['left'] == 1)
    assert graph.set_parameter(stereo, 'pose.camera_height_m', 2.0).successful
    camera.send()
    graph.wait(lambda: stereo.totals.used['left'] == 2)
    heights = [np.linalg.inv(frame.placement.T_camera_voxel)[2, 3] for frame in estimator.frames]
    np.testing.assert_allclose(heights[1] - heights[0], 0.8, atol=1e-6)


def test_the_confidence_of_voxels_thins_the_next_cloud(
        graph, stereo, camera, estimator, monkeypatch):
    from sensor_msgs.msg import PointCloud2

    from ssc_ros.models.estimator import DummyEstimator

    def doubt(self, frame):
        estimate = DummyEstimator.__call__(self, frame)
        return replace(estimate, confidence=estimate.confidence * np.float32(0.5))

    monkeypatch.setattr(type(estimator), '__call__', doubt)
    clouds = graph.collect(PointCloud2, '/stereo_node/voxels/points')
    graph.wait(lambda: any(
        item.topic_name == '/stereo_node/voxels/points' and item.get_subscription_count()
        for item in stereo.publishers))
    camera.send()
    before = clouds.wait(1)[0].width
    assert graph.set_parameter(stereo, 'outputs.min_confidence', 0.6).successful
    camera.send()
    after = clouds.wait(2)[1].width
    assert before > 0 and after == 0


def test_the_transport_changes_while_the_node_is_inactive(graph, stereo, compressed_camera):
    refused = graph.set_parameter(stereo, 'input.transport', 'compressed')
    assert not refused.successful and 'deactivate the node' in refused.reason
    assert graph.transition(stereo, 'deactivate')
    assert graph.set_parameter(stereo, 'input.transport', 'compressed').successful
    assert graph.transition(stereo, 'activate')
    compressed_camera.connect()
    compressed_camera.send()
    graph.wait(lambda: stereo.totals.used['left'] == 1)


def test_the_recorder_stops_and_begins_with_topics_while_it_records(graph, tmp_path):
    from rclpy.parameter import Parameter
    from std_msgs.msg import String

    from ssc_ros.bags.reader import BagReader
    from ssc_ros.nodes.bag_recorder_node import BagRecorderNode

    publishers = {name: graph.tester.create_publisher(String, name, 10) for name in ('a', 'b')}
    bag = tmp_path / 'bag'
    node = graph.add(BagRecorderNode(parameter_overrides=[
        Parameter('bag', value=str(bag)), Parameter('topics', value=['/a'])]))
    graph.wait(lambda: node.state == 'active')

    def only_heard(name: str) -> bool:
        return all(publisher.get_subscription_count() == (other == name)
                   for other, publisher in publishers.items())

    graph.wait(lambda: only_heard('a'))
    assert graph.set_parameter(node, 'topics', ['/b']).successful
    graph.wait(lambda: only_heard('b'))
    publishers['a'].publish(String(data='not heard'))
    publishers['b'].publish(String(data='heard'))
    graph.wait(lambda: node._writer.message_count)
    assert graph.transition(node, 'deactivate') and graph.transition(node, 'cleanup')
    with BagReader(bag) as reader:
        assert set(reader.topics) == {'/b'} and reader.message_count == 1
