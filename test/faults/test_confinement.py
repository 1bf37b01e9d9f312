"""Files named over the network stay inside files_directory; those named at start are trusted."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.ros


@pytest.fixture
def start_evaluator(graph, tmp_path):
    """Return a starter of evaluators that wait to be configured; ``folder`` confines them."""
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.evaluator_node import EvaluatorNode

    folder = tmp_path / 'files'
    folder.mkdir()

    def start(**values):
        values = {'autostart': False, 'files_directory': str(folder), **values}
        return folder, graph.add(EvaluatorNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()]))

    return start


@pytest.mark.parametrize('name', ['/etc/cron.d/x', '../x.json', 'a/../../x', '~/x', 'link/x'])
def test_a_report_cannot_be_sent_out_of_the_folder(graph, start_evaluator, tmp_path, name):
    folder, node = start_evaluator()
    (folder / 'link').symlink_to(tmp_path)
    result = graph.set_parameter(node, 'report', name)
    assert not result.successful and str(folder) in result.reason
    assert node.parameters.report == ''


def test_a_report_inside_the_folder_is_written_there(graph, start_evaluator):
    folder, node = start_evaluator()
    assert graph.set_parameter(node, 'report', 'scores/report.json').successful
    assert graph.transition(node, 'configure') and graph.transition(node, 'activate')
    assert graph.transition(node, 'deactivate')
    assert (folder / 'scores' / 'report.json').is_file()


def test_what_the_process_was_started_with_is_trusted(graph, start_evaluator, tmp_path):
    outside = str(tmp_path / 'outside.json')
    _, node = start_evaluator(report=outside)
    assert node.parameters.report == outside
    assert graph.set_parameter(node, 'report', 'inside.json').successful
    assert graph.set_parameter(node, 'report', outside).successful


def test_the_folder_itself_cannot_be_changed_over_the_network(graph, start_evaluator):
    folder, node = start_evaluator()
    result = graph.set_parameter(node, 'files_directory', '/')
    assert not result.successful and 'given at start' in result.reason
    assert node.parameters.files_directory == str(folder)


def test_names_of_shipped_things_remain_and_files_elsewhere_are_refused(
        graph, start_evaluator, tmp_path, monkeypatch):
    folder, node = start_evaluator()
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine.yaml').touch()
    (folder / 'ours.yaml').touch()
    assert graph.set_parameter(node, 'label_space', 'semantic_kitti').successful
    assert node.parameters.label_space == 'semantic_kitti'
    assert not graph.set_parameter(node, 'label_space', 'mine.yaml').successful
    assert graph.set_parameter(node, 'label_space', 'ours.yaml').successful
    assert node.parameters.label_space == str(folder / 'ours.yaml')


def test_weights_are_confined_too(graph, start_stereo, tmp_path):
    node = start_stereo(autostart=False, files_directory=str(tmp_path))
    for name in ('../bundle', '/opt/bundle'):
        assert not graph.set_parameter(node, 'model.weights', name).successful
    assert graph.set_parameter(node, 'model.weights', 'random:small').successful
    assert node.parameters.model.weights == 'random:small'
    (tmp_path / 'bundle').mkdir()
    assert graph.set_parameter(node, 'model.weights', 'bundle').successful
    assert node.parameters.model.weights == str(tmp_path / 'bundle')
