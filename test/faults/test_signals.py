"""SIGTERM and SIGINT at the worst moment: exit code 0, soon, and a log without a traceback."""

from __future__ import annotations

import signal

import pytest

pytestmark = pytest.mark.ros
SIGNALS = [signal.SIGTERM, signal.SIGINT]
# A second for the worker; the rest is what a busy machine needs to end an interpreter with torch.
LIMIT_S = 20.0


@pytest.fixture
def start(load_module, root, tmp_path):
    """Return a starter of processes that do not outlive the test."""
    module = load_module(root / 'test/nodes/test_process.py')
    processes = []

    def start_process(*command):
        processes.append(module.Process(tmp_path, *command))
        return processes[-1]

    start_process.slow_network = module.SLOW_NETWORK
    yield start_process
    for process in processes:
        process.close()


def expect_clean_end(process, signal_number):
    code, duration_s = process.end(signal_number)
    log = process.log.read_text()
    assert code == 0 and 'Traceback' not in log and 'Error' not in log, log
    assert duration_s < LIMIT_S


@pytest.mark.parametrize('signal_number', SIGNALS)
def test_during_a_network_call_that_takes_a_minute(
        start, graph, camera, tmp_path, signal_number):
    script = tmp_path / 'slow_node.py'
    script.write_text(start.slow_network)
    process = start(str(script))
    process.wait_for('listening to')
    camera.connect()
    process.wait_for('computing', nudge=camera.send)
    expect_clean_end(process, signal_number)


@pytest.mark.parametrize('signal_number', SIGNALS)
@pytest.mark.parametrize('turn', range(2))
def test_while_scenes_are_published(start, graph, camera, signal_number, turn):
    from sensor_msgs.msg import PointCloud2
    from visualization_msgs.msg import MarkerArray

    points = graph.collect(PointCloud2, '/stereo_node/voxels/points')
    graph.collect(MarkerArray, '/stereo_node/voxels/markers')
    process = start('-m', 'ssc_ros.nodes.stereo_node', '--ros-args', '-p', 'model.weights:=dummy')
    process.wait_for('listening to')
    camera.connect()
    graph.wait(lambda: camera.send() and points.messages)
    for _ in range(10 + turn):
        camera.send()
    expect_clean_end(process, signal_number)


@pytest.mark.parametrize('signal_number', SIGNALS)
def test_while_the_network_is_loaded(start, signal_number, tmp_path):
    script = tmp_path / 'loading.py'
    script.write_text('\n'.join([
        'import sys, time',
        'from ssc_ros.models.estimator import DummyEstimator',
        'from ssc_ros.nodes.lifecycle_node import run_node',
        'from ssc_ros.nodes.stereo_node import StereoNode',
        'def load(*args, **options):',
        '    print("loading", flush=True)',
        '    time.sleep(2)',
        '    return DummyEstimator()',
        'sys.exit(run_node(lambda: StereoNode(load=load), []))']))
    process = start(str(script))
    process.wait_for('loading')
    expect_clean_end(process, signal_number)
