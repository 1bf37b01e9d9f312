"""Every step of every transition may fail: the node ends in a clear state and works afterwards."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from ssc_ros.errors import ConfigurationError

pytestmark = pytest.mark.ros


def state_of(graph, node):
    from lifecycle_msgs.srv import GetState

    return graph.call(GetState, f'/{node.get_name()}/get_state').current_state.label


def topics_of(node):
    return {item.topic_name for item in node.publishers
            if item.topic_name.startswith('/stereo_node/') and 'transition' not in item.topic_name}


def subscriptions_of(node):
    return {item.topic_name for item in node.subscriptions if 'image' in item.topic_name
            or 'camera_info' in item.topic_name}


def workers():
    return [thread for thread in threading.enumerate() if thread.name == 'ssc_worker']


def fail_at(monkeypatch, target, after=0):
    """Let a callable work a number of times, then raise."""
    module, name = target
    original, calls = getattr(module, name), []

    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) > after:
            raise RuntimeError('boom')
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, failing)
    return lambda: monkeypatch.setattr(module, name, original)


def steps_of(node, estimator):
    """Return what configure and activate call, by name."""
    from ssc_ros.nodes import class_topics, flow, inputs, perception_node

    return {
        'load': (node, '_load'), 'warm up': (estimator, 'warm_up'),
        'announce': (node, 'create_lifecycle_publisher'),
        'classes': (class_topics, 'encode_class_table'),
        'outputs': (perception_node, 'OutputPublisher'),
        'stages': (perception_node, 'StagePublisher'),
        'class topics': (perception_node, 'ClassTopics'),
        'handler': (node, 'create_handler'), 'synchronizer': (flow, 'create_synchronizer'),
        'subscribe': (inputs.CameraInput, '_subscribe'),
        'worker': (flow, 'Worker')}


@pytest.mark.parametrize(('step', 'after'), [
    ('load', 0), ('warm up', 0), ('outputs', 0), ('announce', 0), ('announce', 3),
    ('announce', 14), ('stages', 0), ('class topics', 0)])
def test_a_failing_step_of_configure_leaves_nothing_behind(
        graph, start_stereo, estimator, monkeypatch, step, after):
    node = start_stereo(autostart=False)
    mend = fail_at(monkeypatch, steps_of(node, estimator)[step], after)
    assert not graph.transition(node, 'configure')
    assert state_of(graph, node) == node.state == 'unconfigured' and 'boom' in node.last_error
    assert topics_of(node) == set() and node._estimator is None
    mend()
    assert graph.transition(node, 'configure') and graph.transition(node, 'activate')
    assert node.last_error == ''


@pytest.mark.parametrize(('step', 'after'), [
    ('handler', 0), ('synchronizer', 0), ('worker', 0), ('subscribe', 0), ('subscribe', 3),
    ('classes', 0)])
def test_a_failing_step_of_activate_leaves_a_warm_inactive_node(
        graph, start_stereo, camera, estimator, monkeypatch, step, after):
    node = start_stereo(autostart=False)
    assert graph.transition(node, 'configure')
    mend = fail_at(monkeypatch, steps_of(node, estimator)[step], after)
    assert not graph.transition(node, 'activate')
    assert state_of(graph, node) == node.state == 'inactive' and 'boom' in node.last_error
    assert subscriptions_of(node) == set() and not workers()
    assert not any(publisher.is_activated for publisher in node._publisher.publishers)
    mend()
    assert graph.transition(node, 'activate') and estimator.warm_ups == 1
    camera.connect()
    camera.send()
    graph.wait(lambda: node.totals.used['left'] == 1)


@pytest.mark.parametrize(('label', 'part'), [
    ('deactivate', '_flow'), ('cleanup', '_publisher'), ('cleanup', '_stages'),
    ('cleanup', '_classes'), ('shutdown', '_flow'), ('shutdown', '_publisher'),
    ('shutdown', '_stages'), ('shutdown', '_classes')])
def test_a_failing_release_still_frees_everything_else(
        graph, start_stereo, estimator, monkeypatch, label, part):
    node = start_stereo(autostart=False)
    assert graph.transition(node, 'configure')
    if label != 'cleanup':
        assert graph.transition(node, 'activate')
    held = getattr(node, part)
    release, is_first = held.close, []

    def failing():
        result = release()
        if not is_first:
            is_first.append(1)
            raise RuntimeError('boom')
        return result

    monkeypatch.setattr(type(held), 'close', lambda self: failing())
    assert not graph.transition(node, label)
    assert state_of(graph, node) == node.state == 'unconfigured' and 'boom' in node.last_error
    assert topics_of(node) == set() and node._estimator is None and not workers()
    monkeypatch.undo()
    assert graph.transition(node, 'configure')


def test_a_roll_back_that_fails_ends_unconfigured(graph, start_stereo, estimator, monkeypatch):
    node = start_stereo(autostart=False)
    assert graph.transition(node, 'configure')
    mend = fail_at(monkeypatch, steps_of(node, estimator)['classes'])
    mend_roll_back = fail_at(monkeypatch, (node, 'handle_deactivate'))
    assert not graph.transition(node, 'activate')
    assert state_of(graph, node) == node.state == 'unconfigured' and node._estimator is None
    mend()
    mend_roll_back()
    assert graph.transition(node, 'configure') and graph.transition(node, 'activate')


def test_the_same_network_is_used_by_every_activation(graph, start_stereo, camera, estimator):
    node = start_stereo(autostart=False)
    loads, load = [], node._load
    node._load = lambda *args, **kwargs: (loads.append(1), load(*args, **kwargs))[1]
    assert graph.transition(node, 'configure')
    for count in range(1, 4):
        assert graph.transition(node, 'activate')
        camera.connect()
        camera.send()
        graph.wait(lambda count=count: node.totals.used['left'] == count)
        assert node._estimator is estimator
        assert graph.transition(node, 'deactivate')
    assert len(loads) == 1 and estimator.warm_ups == 1 and len(estimator.frames) == 3


def test_cleanup_frees_the_network_itself(graph, make_estimator, camera):
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.stereo_node import StereoNode

    made = []

    def load(*args, **kwargs):
        estimator = make_estimator()
        made.append(weakref.ref(estimator))
        return estimator

    node = graph.add(StereoNode(
        load=load, parameter_overrides=[Parameter('autostart', value=False)]))
    assert graph.transition(node, 'configure') and graph.transition(node, 'activate')
    camera.connect()
    camera.send()
    graph.wait(lambda: node.totals.used['left'] == 1)
    made[0]().error = RuntimeError('a refusal must not keep it alive')
    camera.send()
    graph.wait(lambda: node.totals.dropped.get('estimator_failed') == 2)
    assert graph.transition(node, 'deactivate') and made[0]() is not None
    assert graph.transition(node, 'cleanup')
    gc.collect()
    assert made[0]() is None
    assert graph.transition(node, 'configure') and len(made) == 2


def test_what_lasts_is_not_looked_through_by_the_garbage_collector(graph, start_stereo):
    node = start_stereo(autostart=False)
    gc.unfreeze()
    assert graph.transition(node, 'configure')
    assert gc.get_freeze_count() > 10_000
    assert graph.transition(node, 'cleanup') and gc.get_freeze_count() == 0


def test_the_memory_plan_is_logged_and_part_of_the_diagnostics(graph, start_stereo, capfd):
    from diagnostic_msgs.msg import DiagnosticArray

    reports = graph.collect(DiagnosticArray, '/diagnostics')
    start_stereo()
    lines = [line for line in capfd.readouterr().err.splitlines() if 'memory plan on cpu' in line]
    assert len(lines) == 1

    def values():
        return {item.key: item.value for report in reports.messages
                for item in report.status[0].values}

    graph.wait(lambda: values().get('memory', '').startswith('memory plan on cpu: weights'))


def test_a_network_that_does_not_fit_leaves_the_node_unconfigured_with_the_numbers(
        graph, start_stereo, monkeypatch):
    from ssc_ros.nodes import perception_node

    def refuse(*args):
        raise ConfigurationError('memory plan on cpu: together 9000.0 MB of 800.0 MB free')

    monkeypatch.setattr(perception_node, 'load_model', refuse)
    node = start_stereo(autostart=False)
    assert not graph.transition(node, 'configure')
    assert '9000.0 MB of 800.0 MB' in node.last_error and node.state == 'unconfigured'


def test_without_warm_up_the_network_runs_first_on_a_real_frame(graph, start_stereo, estimator):
    node = start_stereo(model__warm_up=False)
    assert node.state == 'active' and estimator.warm_ups == 0
