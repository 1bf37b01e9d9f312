"""The graph and the nodes of test/nodes, for tests that hurt them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

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
