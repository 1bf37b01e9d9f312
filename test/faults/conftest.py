"""The graph and the nodes of test/nodes, for tests that hurt them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

_spec = importlib.util.spec_from_file_location(
    'node_fixtures', Path(__file__).parents[1] / 'nodes' / 'conftest.py')
_nodes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_nodes)

_rclpy = _nodes._rclpy
graph = _nodes.graph
camera = _nodes.camera
make_estimator = _nodes.make_estimator
estimator = _nodes.estimator
start_stereo = _nodes.start_stereo
stereo = _nodes.stereo

NEIGHBOURS = {
    'listener': """
import sys, rclpy
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2
rclpy.init()
node = Node('listener')
node.create_subscription(PointCloud2, '/stereo_node/voxels/points', lambda msg: None, 10)
rclpy.spin(node)
""",
    'stereo_camera': """
import sys
sys.path.insert(0, 'benchmarks')
sys.argv = ['stereo_camera', '--rate', '10', '--size', '48', '64']
import stereo_camera
stereo_camera.main()
""",
}


@pytest.fixture(scope='session')
def fuzzing(load_module: Callable[[Path], ModuleType], root: Path) -> ModuleType:
    """Return the module that damages messages."""
    return load_module(root / 'test/faults/fuzzing.py')


@pytest.fixture(scope='session')
def samples(load_module: Callable[[Path], ModuleType], root: Path) -> ModuleType:
    """Return the module of what a tiny RGB-D camera sends."""
    return load_module(root / 'test/faults/samples.py')


@pytest.fixture
def start_process(root: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Return a starter of neighbours in processes of their own."""
    processes = []

    def start(name: str) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen(
            [sys.executable, '-c', NEIGHBOURS[name]], cwd=root, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
