"""The executables as processes: they end cleanly whenever they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.ros
TIMEOUT_S = 60.0
SLOW_NETWORK = """
import sys, time
from ssc_ros.models.estimator import DummyEstimator
from ssc_ros.nodes.lifecycle_node import run_node
from ssc_ros.nodes.stereo_node import StereoNode

class Slow(DummyEstimator):
    def __call__(self, frame):
        print('computing', flush=True)
        time.sleep(60)

sys.exit(run_node(lambda: StereoNode(load=lambda *a, **k: Slow()), []))
"""


class Process:
    """A node whose output is read line by line."""

    def __init__(self, tmp_path: Path, *command: str) -> None:
        self.log = tmp_path / 'log.txt'
        environment = {**os.environ, 'ROS_LOG_DIR': str(tmp_path),
                       'RCUTILS_LOGGING_BUFFERED_STREAM': '0'}
        with self.log.open('w') as stream:
            self._process = subprocess.Popen(
                [sys.executable, *command], stdout=stream, stderr=subprocess.STDOUT,
                env=environment)

    def wait_for(self, text: str, nudge: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.log.read_text():
            nudge()
            assert time.monotonic() < deadline and self._process.poll() is None, (
                self.log.read_text())
            time.sleep(0.02)

    def end(self, signal_number: int) -> tuple[int, float]:
        """Return the exit code and how long it took."""
        started = time.monotonic()
        self._process.send_signal(signal_number)
        return self.wait(), time.monotonic() - started

    def wait(self) -> int:
        return self._process.wait(TIMEOUT_S)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Return a starter of processes that do not outlive the test."""
    processes: list[Process] = []

    def start_process(*command: str) -> Process:
        processes.append(Process(tmp_path, *command))
        return processes[-1]

    yield start_process
    for process in processes:
        process.close()


@pytest.mark.parametrize('signal_number', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('node', ['stereo_node', 'rgbd_node'])
def test_a_signal_ends_a_node_with_exit_code_zero_and_no_traceback(
        start, node, signal_number):
    process = start('-m', f'ssc_ros.nodes.{node}', '--ros-args', '-p', 'model.weights:=dummy')
    process.wait_for('listening to')
    code, _ = process.end(signal_number)
    log = process.log.read_text()
    assert code == 0 and 'Traceback' not in log, log


def test_a_signal_during_a_long_network_call_ends_the_node_within_seconds(
        tmp_path, start, graph, camera):
    script = tmp_path / 'slow_node.py'
    script.write_text(SLOW_NETWORK)
    process = start(str(script))
    process.wait_for('listening to')
    camera.connect()
    process.wait_for('computing', nudge=camera.send)
    code, duration_s = process.end(signal.SIGTERM)
    assert code == 0 and duration_s < 10.0
    assert 'Traceback' not in process.log.read_text()


def test_an_impossible_start_parameter_is_one_line_and_exit_code_two(start):
    process = start('-m', 'ssc_ros.nodes.stereo_node', '--ros-args', '-p', 'sync.policy:=luck')
    assert process.wait() == 2
    log = process.log.read_text()
    assert "sync.policy = 'luck' is not allowed" in log and 'Traceback' not in log


@pytest.mark.parametrize('signal_number', [signal.SIGTERM, signal.SIGINT])
def test_the_last_table_is_logged_without_complaints_after_a_signal(
        start, graph, tmp_path, signal_number):
    from sensor_msgs.msg import Image

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.volumes import encode_label_volume

    report = tmp_path / 'report.json'
    process = start(
        '-m', 'ssc_ros.nodes.evaluator_node', '--ros-args', '-p', f'report:={report}')
    volume = encode_label_volume(np.ones((2, 3, 4), np.uint8), make_header(1, 'camera'))
    for side in ('estimate', 'ground_truth'):
        publisher = graph.tester.create_publisher(Image, side, 10)
        graph.wait(publisher.get_subscription_count)
        publisher.publish(volume)
    graph.wait(lambda: report.is_file() and '"frames_scored": 1' in report.read_text())
    code, _ = process.end(signal_number)
    log = process.log.read_text()
    assert code == 0 and '1 frames' in log, log
    assert 'Failed to publish' not in log, log
