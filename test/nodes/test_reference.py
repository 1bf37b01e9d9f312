"""docs/topics.md is what running nodes really listen to, send and serve."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

pytestmark = pytest.mark.ros

STANDARD_TOPICS = ('/parameter_events', '/rosout')
STANDARD_PACKAGES = ('rcl_interfaces', 'lifecycle_msgs', 'type_description_interfaces')
EVERYTHING = {
    'stereo_node': {'model.weights': 'dummy', 'fusion.enabled': True, 'pose.source': 'odometry'},
    'rgbd_node': {'model.weights': 'dummy', 'fusion.enabled': True, 'pose.source': 'odometry'},
    'segmentation_node': {'model.weights': 'dummy', 'depth.source': 'topic'},
    'mapping_node': {'model.weights': 'dummy', 'pose.source': 'odometry', 'map.extent_m': 6.4},
    'evaluator_node': {},
    'viewer_node': {},
}


def start(graph: Any, name: str) -> Any:
    from rclpy.parameter import Parameter

    module = importlib.import_module(f'ssc_ros.nodes.{name}')
    class_name = ''.join(word.capitalize() for word in name.split('_'))
    node = graph.add(getattr(module, class_name)(parameter_overrides=[
        Parameter(key, value=value) for key, value in EVERYTHING[name].items()]))
    graph.wait(lambda: node.state == 'active')
    return node


def package(kind: Any) -> str:
    return str(kind.__module__).partition('.')[0]


def type_name(kind: Any) -> str:
    return f'{package(kind)}/{kind.__name__}'


def policies(qos: Any) -> tuple[str, str, int]:
    return qos.reliability.name, qos.durability.name, qos.depth


def real_topics(entities: Any) -> dict[str, tuple[Any, ...]]:
    return {
        item.topic_name: (type_name(item.msg_type), *policies(item.qos_profile))
        for item in entities
        if item.topic_name not in STANDARD_TOPICS and package(item.msg_type) != 'lifecycle_msgs'}


def told_topics(node: Any, name: str, kind: str) -> dict[str, tuple[Any, ...]]:
    from ssc_ros.messages.label_info import has_label_info
    from ssc_ros.nodes.reference import NODES

    result = {}
    for item in NODES[name].interfaces:
        if item.kind == kind and (item.name != '~/label_info' or has_label_info()):
            topic = item.name
            if '<source>' in topic:
                topic = topic.replace('<source>', node.parameters.source)
            result[node.resolve_topic_name(topic)] = (item.type_name, *policies(item.qos()))
    return result


@pytest.mark.parametrize('name', EVERYTHING)
def test_a_running_node_has_exactly_the_interfaces_of_its_page(graph, name):
    from ssc_ros.nodes.reference import NODES

    node = start(graph, name)
    assert real_topics(node.publishers) == told_topics(node, name, 'sends')
    assert real_topics(node.subscriptions) == told_topics(node, name, 'listens')
    services = {node.resolve_service_name(item.srv_name): type_name(item.srv_type)
                for item in node.services
                if package(item.srv_type) not in STANDARD_PACKAGES}
    assert services == {node.resolve_service_name(item.name): item.type_name
                        for item in NODES[name].interfaces if item.kind == 'serves'}


def test_every_node_has_a_reference_in_words():
    from ssc_ros.nodes.reference import NODES

    assert set(NODES) == {*EVERYTHING, 'bag_player_node', 'bag_recorder_node'}
    for reference in NODES.values():
        for item in reference.interfaces:
            assert item.description and (item.qos is None) == (item.kind == 'serves')
