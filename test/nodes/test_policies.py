"""The SROS 2 policies allow what running nodes really use, name by name, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.ros
ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted((ROOT / 'config/security/policies').glob('*.policy.xml'))
ACCESS = {'topics': {'publish', 'subscribe'}, 'services': {'reply'}}
# There with use_sim_time, with pose.source tf, or where vision_msgs is installed.
CONDITIONAL = re.compile(r'^/(clock|tf|tf_static|.*/compressed(Depth)?|.*/label_info)$')
# Humble has no type descriptions, and not every rclpy wheel serves them.
CONDITIONAL_SERVICE = '/get_type_description'


def allowed(node_name, kind, access):
    """Return the full names of one kind of access in the policy of a node."""
    root = ElementTree.parse(ROOT / f'config/security/policies/{node_name}.policy.xml').getroot()
    names = {entry.text for group in root.iter(kind) if group.get(access) == 'ALLOW'
             for entry in group}
    return {name.replace('~', f'/{node_name}') if name.startswith('~')
            else '/' + name.lstrip('/') for name in names}


def test_every_node_has_its_policy():
    from ssc_ros.nodes.reference import NODES

    assert {path.name.partition('.')[0] for path in POLICIES} == set(NODES)


@pytest.mark.parametrize('path', POLICIES, ids=lambda path: path.name)
def test_a_policy_has_one_enclave_with_one_profile_of_known_elements(path):
    node = path.name.partition('.')[0]
    root = ElementTree.parse(path).getroot()
    assert (root.tag, root.attrib) == ('policy', {'version': '0.2.0'})
    steps = [root]
    for tag, attributes in (('enclaves', {}), ('enclave', {'path': f'/ssc_ros/{node}'}),
                            ('profiles', {}), ('profile', {'ns': '/', 'node': node})):
        (child,) = steps[-1]
        assert (child.tag, child.attrib) == (tag, attributes)
        steps.append(child)
    for group in steps[-1]:
        assert len(group.attrib) == 1 and set(group.attrib) <= ACCESS[group.tag]
        assert set(group.attrib.values()) == {'ALLOW'}
        names = [entry.text for entry in group]
        assert {entry.tag for entry in group} == {group.tag[:-1]}
        assert names == sorted(set(names)) and all(names)


def test_only_bag_nodes_may_use_topics_that_have_no_name():
    open_policies = {path.name.partition('.')[0] for path in POLICIES
                     if '<topic>*</topic>' in path.read_text()}
    assert open_policies == {'bag_player_node', 'bag_recorder_node'}


@pytest.fixture
def references(load_module):
    """Return the module that starts nodes with everything switched on."""
    return load_module(ROOT / 'test/nodes/test_reference.py')


@pytest.mark.parametrize('name', [
    'stereo_node', 'rgbd_node', 'segmentation_node', 'mapping_node', 'evaluator_node',
    'viewer_node'])
def test_the_graph_of_a_running_node_is_what_its_policy_allows(graph, references, name):
    references.start(graph, name)
    tester = graph.tester

    def seen(ask):
        return {entry for entry, _ in ask(name, '/')}

    graph.wait(lambda: len(seen(tester.get_service_names_and_types_by_node)) > 8)
    for ask, access in ((tester.get_publisher_names_and_types_by_node, 'publish'),
                        (tester.get_subscriber_names_and_types_by_node, 'subscribe')):
        granted = allowed(name, 'topics', access)
        found = seen(ask)
        assert found <= granted, found - granted
        unused = granted - found
        assert all(CONDITIONAL.match(topic) for topic in unused), unused
    served = seen(tester.get_service_names_and_types_by_node)
    granted = allowed(name, 'services', 'reply')
    assert served <= granted
    assert all(item.endswith(CONDITIONAL_SERVICE) for item in granted - served)
    assert not seen(tester.get_client_names_and_types_by_node)
