"""Estimates meet their ground truth by stamp; scores survive whatever happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import CompletionCounts

pytestmark = pytest.mark.ros

SHAPE = (4, 5, 6)


def volume(seed: int) -> np.ndarray:
    labels = np.random.default_rng(seed).integers(0, 12, SHAPE).astype(np.uint8)
    labels[0, 0] = 255 if seed >= 100 else 0
    return labels


@pytest.fixture
def start_evaluator(graph: Any, tmp_path: Path) -> Callable[..., Any]:
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.evaluator_node import EvaluatorNode

    def start(**parameters: Any) -> Any:
        values = {'report': str(tmp_path / 'report.json'), **parameters}
        node = graph.add(EvaluatorNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()]))
        graph.wait(lambda: node.state == 'active')
        return node

    return start


@pytest.fixture
def send(graph: Any) -> Callable[..., None]:
    from sensor_msgs.msg import Image

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.volumes import encode_label_volume

    publishers = {side: graph.tester.create_publisher(Image, side, 10)
                  for side in ('estimate', 'ground_truth')}

    def send(side: str, stamp_ns: int, labels: np.ndarray) -> None:
        graph.wait(publishers[side].get_subscription_count)
        publishers[side].publish(encode_label_volume(labels, make_header(stamp_ns, 'camera')))

    return send


def test_scores_are_those_of_the_pairs_of_equal_stamps(
    graph: Any, tmp_path: Path, start_evaluator: Callable[..., Any], send: Callable[..., None],
) -> None:
    node = start_evaluator()
    space, counts = load_label_space('nyu12'), CompletionCounts(12)
    for stamp in (1, 2, 3):
        send('estimate', stamp, volume(stamp))
    for stamp in (3, 1, 9):
        send('ground_truth', stamp, volume(100 + stamp))
    for stamp in (1, 3):
        counts.update(volume(stamp), volume(100 + stamp))
    graph.wait(lambda: node.report['ground_truths'] == 3 and node.report['estimates'] == 3)
    graph.wait(lambda: node.report['frames_scored'] == 2)
    expected = counts.scores().as_dict(space.names)
    written = json.loads((tmp_path / 'report.json').read_text())
    assert {key: written[key] for key in expected} == expected
    assert node.report['unmatched_estimates'] == 1
    assert node.report['unmatched_ground_truths'] == 1


def test_a_volume_of_another_size_is_refused_and_the_next_is_scored(
    graph: Any, start_evaluator: Callable[..., Any], send: Callable[..., None],
) -> None:
    node = start_evaluator()
    send('estimate', 1, volume(1)[:2])
    send('ground_truth', 1, volume(101))
    graph.wait(lambda: node.report['refused'] == 1)
    send('estimate', 2, volume(2))
    send('ground_truth', 2, volume(102))
    graph.wait(lambda: node.report['frames_scored'] == 1)


def test_scores_stay_through_a_pause_and_begin_anew_when_configured_again(
    graph: Any, start_evaluator: Callable[..., Any], send: Callable[..., None],
) -> None:
    node = start_evaluator()
    send('estimate', 1, volume(1))
    send('ground_truth', 1, volume(101))
    graph.wait(lambda: node.report['frames_scored'] == 1)
    assert graph.transition(node, 'deactivate')
    assert graph.transition(node, 'activate')
    assert node.report['frames_scored'] == 1
    for label in ('deactivate', 'cleanup', 'configure', 'activate'):
        assert graph.transition(node, label)
    assert node.report['frames_scored'] == 0


def test_a_report_that_cannot_be_written_does_not_stop_the_scoring(
    graph: Any, tmp_path: Path, start_evaluator: Callable[..., Any], send: Callable[..., None],
) -> None:
    (tmp_path / 'file').write_text('in the way')
    node = start_evaluator(report=str(tmp_path / 'file' / 'report.json'))
    for stamp in (1, 2):
        send('estimate', stamp, volume(stamp))
        send('ground_truth', stamp, volume(100 + stamp))
    graph.wait(lambda: node.report['frames_scored'] == 2)


def test_an_unknown_label_space_leaves_the_node_unconfigured(graph: Any) -> None:
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.evaluator_node import EvaluatorNode

    node = graph.add(EvaluatorNode(
        parameter_overrides=[Parameter('label_space', value='no_such_space')]))
    graph.wait(lambda: node.last_error)
    assert 'nyu12' in node.last_error


def test_label_images_are_scored_in_the_label_space_of_their_truth(
    graph: Any, tmp_path: Path, start_evaluator: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import Image

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.label_images import encode_label_image

    node = start_evaluator(
        kind='images', label_space='nyu40', truth_label_space='nyu12', table_every=0)
    publishers = {side: graph.tester.create_publisher(Image, side, 10)
                  for side in ('estimate', 'ground_truth')}
    wall, floor = (load_label_space('nyu40').names.index(name) for name in ('wall', 'floor'))
    true_wall = load_label_space('nyu12').names.index('wall')
    images = {'estimate': np.array([[wall, floor, wall, 255]], np.uint8),
              'ground_truth': np.array([[true_wall, true_wall, 255, true_wall]], np.uint8)}
    for side, publisher in publishers.items():
        graph.wait(publisher.get_subscription_count)
        publisher.publish(encode_label_image(images[side], make_header(5, 'camera')))
    graph.wait(lambda: node.report.get('frames_scored') == 1)
    path = tmp_path / 'report.json'
    graph.wait(lambda: path.is_file() and json.loads(path.read_text())['frames_scored'] == 1)
    report = json.loads(path.read_text())
    assert report['pixel_accuracy'] == pytest.approx(1 / 3)
    assert (report['label_space'], report['truth_space']) == ('nyu40', 'nyu12')
