from __future__ import annotations

import threading
import time
from importlib import import_module

import pytest

from ssc_ros.errors import WeightsError

pytestmark = pytest.mark.ros


@pytest.fixture
def make_node(graph):
    """Return a maker of nodes that log their hooks and fail on demand."""
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.lifecycle_node import SscLifecycleNode
    from ssc_ros.nodes.settings import LifecycleParameters

    class RecordingNode(SscLifecycleNode[LifecycleParameters]):
        def __init__(self, *, autostart, failing=None, error=None):
            self.calls = []
            self.failing = failing
            self.error = error or RuntimeError('boom')
            super().__init__(
                'recording', LifecycleParameters,
                parameter_overrides=[Parameter('autostart', value=autostart)])

        def _do(self, name):
            self.calls.append(name)
            if self.failing == name:
                raise self.error

        def handle_configure(self):
            self._do('configure')

        def handle_activate(self):
            self._do('activate')

        def handle_deactivate(self):
            self._do('deactivate')

        def handle_cleanup(self):
            self._do('cleanup')

    return lambda **options: graph.add(RecordingNode(**options))


def state_of(graph, node):
    from lifecycle_msgs.srv import GetState

    return graph.call(GetState, f'/{node.get_name()}/get_state').current_state.label


def test_it_starts_itself_by_default(graph, make_node):
    node = make_node(autostart=True)
    graph.wait(lambda: node.state == 'active')
    assert node.calls == ['configure', 'activate'] and state_of(graph, node) == 'active'


def test_it_waits_for_a_manager_when_told(graph, make_node):
    node = make_node(autostart=False)
    time.sleep(0.1)
    assert node.calls == [] and state_of(graph, node) == 'unconfigured'
    for label, state in (('configure', 'inactive'), ('activate', 'active'),
                         ('deactivate', 'inactive'), ('cleanup', 'unconfigured')):
        assert graph.transition(node, label)
        assert (node.state, state_of(graph, node)) == (state, state)
    assert node.calls == ['configure', 'activate', 'deactivate', 'cleanup']


def test_a_failing_configure_is_logged_rolled_back_and_can_be_repeated(graph, make_node, capfd):
    node = make_node(autostart=False, failing='configure')
    assert not graph.transition(node, 'configure')
    assert state_of(graph, node) == node.state == 'unconfigured'
    assert node.calls == ['configure', 'cleanup'] and node.last_error == 'boom'
    assert 'Traceback' in capfd.readouterr().err
    node.failing = None
    assert graph.transition(node, 'configure') and node.last_error == ''


def test_our_own_errors_are_logged_as_one_line(graph, make_node, capfd):
    node = make_node(autostart=True, failing='configure', error=WeightsError('no bundle x: do y'))
    graph.wait(lambda: 'cleanup' in node.calls)
    error = capfd.readouterr().err
    assert 'no bundle x: do y' in error and 'Traceback' not in error
    assert node.calls == ['configure', 'cleanup']


def test_a_failing_activate_leaves_the_node_inactive(graph, make_node):
    node = make_node(autostart=True, failing='activate')
    graph.wait(lambda: 'deactivate' in node.calls)
    assert state_of(graph, node) == node.state == 'inactive'
    assert node.calls == ['configure', 'activate', 'deactivate']


@pytest.mark.parametrize(('label', 'before'), [('deactivate', ('configure', 'activate')),
                                               ('cleanup', ('configure',))])
def test_a_failing_release_ends_unconfigured_with_everything_freed(
        graph, make_node, label, before):
    node = make_node(autostart=False, failing=label)
    for step in before:
        assert graph.transition(node, step)
    assert not graph.transition(node, label)
    assert state_of(graph, node) == node.state == 'unconfigured'
    assert node.calls[-2:] == ['deactivate', 'cleanup']
    node.failing = None
    assert graph.transition(node, 'configure')


def test_an_impossible_transition_is_refused_and_harmless(graph, make_node):
    node = make_node(autostart=False)
    assert not graph.transition(node, 'activate')
    assert state_of(graph, node) == 'unconfigured' and node.calls == []


def test_shutdown_frees_everything_in_any_state(graph, make_node):
    node = make_node(autostart=True)
    graph.wait(lambda: node.state == 'active')
    assert graph.transition(node, 'shutdown')
    assert state_of(graph, node) == node.state == 'finalized'
    assert node.calls[-2:] == ['deactivate', 'cleanup']


def test_inactive_keeps_the_network_warm_and_activates_at_once(
        graph, camera, start_stereo, estimator):
    node = start_stereo(autostart=False)
    assert graph.transition(node, 'configure') and estimator.warm_ups == 1
    started = time.monotonic()
    assert graph.transition(node, 'activate')
    assert time.monotonic() - started < 1.0  # a service call included, on a busy machine
    camera.connect()
    camera.send()
    graph.wait(lambda: node.totals.used['left'] == 1)
    assert graph.transition(node, 'deactivate')
    assert not any(publisher.get_subscription_count() for publisher in camera.images.values())
    assert graph.transition(node, 'activate') and estimator.warm_ups == 1
    camera.connect()
    camera.send()
    graph.wait(lambda: node.totals.used['left'] == 2)


def test_cleanup_lets_go_of_the_network_and_its_topics(graph, start_stereo):
    node = start_stereo(autostart=False)
    assert graph.transition(node, 'configure')
    assert node._estimator is not None
    assert '/stereo_node/voxels/points' in {item.topic_name for item in node.publishers}
    assert graph.transition(node, 'cleanup')
    assert node._estimator is None
    assert '/stereo_node/voxels/points' not in {item.topic_name for item in node.publishers}


def test_deactivating_during_a_long_network_call_discards_the_result(
        graph, camera, stereo, estimator):
    estimator.may_finish.clear()
    camera.send()
    graph.wait(lambda: estimator.frames)
    assert graph.transition(stereo, 'deactivate')
    estimator.may_finish.set()
    graph.wait(lambda: stereo.totals.pending == 0)
    assert stereo.totals.dropped == {'stopped': 2} and stereo.totals.used['left'] == 0
    assert not [thread for thread in threading.enumerate() if thread.name == 'ssc_worker']


def test_waiting_images_are_counted_when_the_node_stops(graph, camera, stereo):
    camera.send_info()
    camera.images['left'].publish(camera.image('left'))
    graph.wait(lambda: stereo.totals.received['left'] == 1)
    assert graph.transition(stereo, 'deactivate')
    assert stereo.totals.dropped == {'stopped': 1} and stereo.totals.pending == 0


@pytest.mark.parametrize(('module', 'name', 'weights', 'words'), [
    ('rgbd_node', 'RgbdNode', 'random:small', 'completes stereo pairs but this node makes RGB-D'),
    ('stereo_node', 'StereoNode', 'random:small-rgbd', 'completes RGB-D frames but this node'),
])
def test_weights_for_other_frames_leave_a_node_unconfigured(graph, module, name, weights, words):
    from rclpy.parameter import Parameter

    pytest.importorskip('torch')
    node = graph.add(getattr(import_module(f'ssc_ros.nodes.{module}'), name)(
        parameter_overrides=[Parameter('model.weights', value=weights)]))
    graph.wait(lambda: node.last_error)
    assert words in node.last_error and node.state == 'unconfigured'


def test_a_missing_bundle_leaves_a_node_that_can_be_told_another(graph, estimator, capfd):
    from rclpy.parameter import Parameter

    from ssc_ros.models.estimator import load_estimator
    from ssc_ros.nodes.stereo_node import StereoNode

    pytest.importorskip('torch')
    node = graph.add(StereoNode(
        load=load_estimator,
        parameter_overrides=[Parameter('model.weights', value='/nowhere/at/all')]))
    graph.wait(lambda: node.last_error)
    assert '/nowhere/at/all' in node.last_error and 'Traceback' not in capfd.readouterr().err
    assert graph.set_parameter(node, 'model.weights', 'dummy').successful
    assert graph.transition(node, 'configure') and graph.transition(node, 'activate')
    assert node.state == 'active'
