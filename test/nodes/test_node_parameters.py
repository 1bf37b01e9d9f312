from __future__ import annotations

import pytest

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('pose.camera_height_m', -1.0, ''),
    ('pose.camera_pitch_deg', float('nan'), ''),
    ('outputs.obstacle_min_height_m', 5.0, 'must lie below'),
    ('sync.policy', 'nearest', 'deactivate the node, set it'),
    ('model.weights', 'dummy', 'clean up the node'),
    ('pose.camera_height_m', 'tall', ''),
    ('outputs.class_costs', 'floor', 'name:cost'),
    ('outputs.class_costs', 'floor:101', 'name:cost'),
    ('outputs.class_costs', 'flor:0', 'the classes empty, ceiling, floor'),
])
def test_a_running_node_refuses_with_a_reason(graph, start_stereo, name, value, reason):
    node = start_stereo()
    before = node.parameters
    result = graph.set_parameter(node, name, value)
    assert not result.successful and result.reason and reason in result.reason
    assert node.parameters == before


def test_live_parameters_are_taken_at_once(graph, start_stereo):
    node = start_stereo()
    assert graph.set_parameter(node, 'outputs.min_confidence', 0.5).successful
    assert node.parameters.outputs.min_confidence == 0.5
    assert graph.set_parameter(node, 'outputs.class_costs', 'floor:0,bed:50').successful
    assert node.parameters.outputs.class_costs == 'floor:0,bed:50'


def test_costs_of_classes_that_the_network_lacks_leave_a_node_unconfigured(graph, start_stereo):
    node = start_stereo(autostart=False, outputs__class_costs='lava:100')
    assert not graph.transition(node, 'configure')
    assert node.state == 'unconfigured' and 'lava' in node.last_error
    assert graph.set_parameter(node, 'outputs.class_costs', 'objs:100').successful
    assert graph.transition(node, 'configure')


def test_an_unconfigured_node_takes_what_is_read_at_configuration(graph, start_stereo):
    node = start_stereo(autostart=False)
    assert graph.set_parameter(node, 'sync.tolerance_ms', 10.0).successful
    refused = graph.set_parameter(node, 'sync.policy', 'luck')
    assert not refused.successful and 'nearest' in refused.reason
    assert node.parameters.sync.tolerance_ms == 10.0


def test_every_parameter_describes_itself(graph, start_stereo):
    from rcl_interfaces.srv import DescribeParameters

    from ssc_ros.nodes.parameters import parameter_reference
    from ssc_ros.nodes.settings import StereoParameters

    start_stereo(autostart=False)
    entries = parameter_reference(StereoParameters)
    request = DescribeParameters.Request(names=[entry.name for entry in entries])
    descriptors = graph.call(
        DescribeParameters, '/stereo_node/describe_parameters', request).descriptors
    assert [item.description for item in descriptors] == [entry.text for entry in entries]
    by_name = {item.name: item for item in descriptors}
    limits = by_name['sync.tolerance_ms'].floating_point_range[0]
    assert (limits.from_value, limits.to_value) == (0.0, 1000.0)
    assert 'odometry' in by_name['pose.source'].additional_constraints


def test_impossible_values_at_the_start_are_refused(graph, start_stereo):
    from ssc_ros.errors import ConfigurationError
    from ssc_ros.nodes.compat import ParameterException

    for name, value in (('sync__policy', 'luck'), ('sync__tolerance_ms', 1e9),
                        ('sync__tolerance_ms', 5)):
        with pytest.raises((ConfigurationError, ParameterException)):
            start_stereo(**{name: value})
