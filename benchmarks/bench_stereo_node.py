"""
What stereo_node adds to its network: arrival of the last image to the last output, minus network.

A second process plays the camera and subscribes to voxels, markers, labelled image, depth and
grid. Run: python benchmarks/bench_stereo_node.py --weights occdepth_small_rooms
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(101 + os.getpid() % 100))

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from ssc_ros.models.estimator import load_estimator
from ssc_ros.nodes.compat import spin_until_shutdown
from ssc_ros.nodes.stereo_node import StereoNode
from ssc_ros.nodes.timings import StageTimings

LIMIT_MS, LIMIT_PERCENT = 15.0, 10.0


@contextmanager
def running(node, rate_hz, size):
    """Spin the node in a thread while the camera process runs."""
    with spinning(node):
        camera = subprocess.Popen([
            sys.executable, str(Path(__file__).with_name('stereo_camera.py')),
            '--rate', str(rate_hz), '--size', *map(str, size)])
        try:
            yield
        finally:
            camera.terminate()
            camera.wait(10)


@contextmanager
def spinning(node):
    """Spin the node in a thread, and take it down afterwards."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=spin_until_shutdown, args=[executor], daemon=True)
    thread.start()
    try:
        yield
    finally:
        node.close()
        executor.shutdown()
        thread.join(5)
        node.destroy_node()


def wait_for(condition, timeout_s=120.0):
    """Poll until the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError('the node did not get that far: see its log above')
        time.sleep(0.05)


def measure(weights, rate_hz, size, seconds):
    """Return the stage summaries of ``seconds`` of operation."""
    node = StereoNode(
        load=load_estimator, timings=StageTimings(window_s=2 * seconds),
        parameter_overrides=[Parameter('model.weights', value=weights)])
    with running(node, rate_hz, size):
        wait_for(lambda: node.totals.used['left'] >= 3)
        node.forget_timings()
        time.sleep(seconds)
        return node.stage_summary


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='random:small',
                        help='random weights fill the whole box: many times the voxels of a room')
    parser.add_argument('--rate', type=float, default=0.5,
                        help='pairs per second; slower than the network, or waiting is measured')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--json', type=Path, help='also write the figures there')
    arguments = parser.parse_args()
    rclpy.init()
    stages = measure(arguments.weights, arguments.rate, arguments.size, arguments.seconds)
    rclpy.try_shutdown()
    print(f'{arguments.weights}, {arguments.size[1]}x{arguments.size[0]} pairs at '
          f'{arguments.rate:g} Hz, {stages["total"].count} frames, milliseconds')
    print(f'{"stage":18}{"p50":>9}{"p95":>9}{"max":>9}')
    for name, summary in stages.items():
        print(f'{name:18}{summary.p50:9.2f}{summary.p95:9.2f}{summary.maximum:9.2f}')
    overhead, network = stages['overhead'].p50, stages['network'].p50
    share = 100 * overhead / network if network else float('nan')
    print(f'overhead {overhead:.2f} ms (limit {LIMIT_MS:g}), {share:.1f} % of the network '
          f'(limit {LIMIT_PERCENT:g} %)')
    if arguments.json:
        figures = {name: [summary.count, summary.p50, summary.p95, summary.maximum]
                   for name, summary in stages.items()}
        arguments.json.write_text(json.dumps({'overhead_percent': share, 'stages': figures}))


if __name__ == '__main__':
    main()
