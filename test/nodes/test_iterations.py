"""Iterations are a live parameter of rgbd_node, refused where the network has no loop."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.ros


@pytest.fixture
def make_iterative(make_estimator):
    """Return a maker of dummy networks with a loop that note the iterations of every frame."""
    def make(max_iterations=6):
        class IterativeDummy(type(make_estimator())):
            trained_iterations = iterations = min(3, max_iterations)

            def __init__(self):
                super().__init__()
                self.max_iterations = max_iterations
                self.used = []

            def __call__(self, frame):
                self.used.append(self.iterations)
                return super().__call__(frame)

        return IterativeDummy()

    return make


@pytest.fixture
def start(graph):
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.rgbd_node import RgbdNode

    def start(estimator, *, state='active', loads=None, **parameters):
        def load(*args, **options):
            if loads is not None:
                loads.append(args)
            return estimator

        node = graph.add(RgbdNode(load=load, parameter_overrides=[
            Parameter(name.replace('__', '.'), value=value)
            for name, value in parameters.items()]))
        graph.wait(lambda: node.state == state)
        return node

    return start


@pytest.fixture
def send(graph, camera):
    """Return a sender of RGB-D frames that waits until each was used."""
    from sensor_msgs.msg import CameraInfo, Image

    from ssc_ros.messages.depth import encode_depth

    publishers = {topic: graph.tester.create_publisher(kind, topic, 5) for topic, kind in (
        ('rgb/camera_info', CameraInfo), ('rgb/image_rect', Image), ('depth/image_rect', Image))}

    def send(node):
        graph.wait(lambda: all(
            publisher.get_subscription_count() for publisher in publishers.values()))
        done = node.totals.used['rgb']
        depth = encode_depth(np.ones(camera.size, np.float32), camera.header(), '16UC1')
        for publisher, message in zip(
                publishers.values(), (camera.info('left'), camera.image('left'), depth),
                strict=True):
            publisher.publish(message)
        camera.stamp_ns += 100_000_000
        graph.wait(lambda: node.totals.used['rgb'] == done + 1)

    return send


def test_a_change_takes_effect_with_the_next_frame_and_reloads_nothing(
        graph, start, send, make_iterative):
    estimator, loads = make_iterative(), []
    node = start(estimator, loads=loads)
    send(node)
    for iterations in (0, 6, -1):
        assert graph.set_parameter(node, 'model.iterations', iterations).successful
        send(node)
    assert estimator.used == [3, 0, 6, 3]
    assert len(loads) == 1 and estimator.warm_ups == 1 and node.state == 'active'


def test_a_frame_is_finished_with_the_iterations_it_was_begun_with(
        graph, start, send, make_iterative):
    import threading

    estimator = make_iterative()
    node = start(estimator)
    estimator.may_finish.clear()
    sender = threading.Thread(target=send, args=(node,))
    sender.start()
    graph.wait(lambda: estimator.frames)
    assert graph.set_parameter(node, 'model.iterations', 1).successful
    estimator.may_finish.set()
    sender.join()
    send(node)
    assert estimator.used == [3, 1]


def test_the_network_starts_and_warms_up_with_the_iterations_of_the_parameter_file(
        start, make_iterative):
    estimator = make_iterative()
    start(estimator, model__iterations=5)
    assert estimator.iterations == 5


@pytest.mark.parametrize('value', [7, -2, 2.0, 'many'])
def test_numbers_out_of_range_are_refused(graph, start, make_iterative, value):
    node = start(make_iterative())
    result = graph.set_parameter(node, 'model.iterations', value)
    assert not result.successful and result.reason
    assert node.parameters.model.iterations == -1


def test_a_network_without_a_loop_refuses_iterations_while_it_runs(graph, start, estimator):
    node = start(estimator)
    result = graph.set_parameter(node, 'model.iterations', 0)
    assert not result.successful
    assert "model.iterations = 0, but the network of weights 'dummy' has no loop" in result.reason
    assert graph.set_parameter(node, 'model.iterations', -1).successful
    assert graph.set_parameter(node, 'outputs.min_confidence', 0.5).successful


def test_a_configuration_without_refiners_takes_no_iterations(graph, start, make_iterative):
    node = start(make_iterative(max_iterations=0))
    result = graph.set_parameter(node, 'model.iterations', 3)
    assert not result.successful and 'take 0 to 0' in result.reason
    assert graph.set_parameter(node, 'model.iterations', 0).successful


def test_a_network_without_a_loop_is_not_started_with_iterations(
        graph, start, estimator, capfd):
    node = start(estimator, state='unconfigured', model__iterations=2)
    graph.wait(lambda: node.last_error)
    assert 'has no loop' in node.last_error and node.state == 'unconfigured'
    # What is asked for before a network is there is only known to fit when it is loaded.
    assert graph.set_parameter(node, 'model.iterations', -1).successful
    assert graph.transition(node, 'configure') and node.state == 'inactive'


def test_diagnostics_tell_the_iterations_of_networks_with_a_loop(
        graph, start, make_iterative):
    from diagnostic_msgs.msg import DiagnosticArray

    health = graph.collect(DiagnosticArray, '/diagnostics')
    start(make_iterative(), model__iterations=4)

    def told():
        return [item.value for message in health.messages for status in message.status
                for item in status.values if item.key == 'iterations']

    graph.wait(lambda: '4' in told())
