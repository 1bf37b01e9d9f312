"""
What stereo_node says of its latency, against what a second process measures.

The camera process stamps every pair when it sends it, and notes when the occupancy grid, which the
node sends last, arrives. That is compared with ~/debug/pipeline_latency_ms of the same frames, as
~/write_timings reports it. The network is simulated by sleeping, or real with --weights.

Run: python benchmarks/bench_latency.py --network-ms 100
"""

from __future__ import annotations

import argparse
import csv
import json
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_stereo_node as bench  # sets the ROS environment before rclpy is imported
import numpy as np
import rclpy
from nav_msgs.msg import OccupancyGrid
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from stereo_camera import StereoCamera

from ssc_ros.models.estimator import DummyEstimator, load_estimator
from ssc_ros.nodes.stereo_node import StereoNode

LIMIT_PERCENT = 10.0
# After the four bytes that name the encapsulation a stamped message begins with its stamp.
STAMP = struct.Struct('<iI')


class SlowEstimator(DummyEstimator):
    """Takes a given time."""

    def __init__(self, network_ms):
        super().__init__()
        self._network_ms = network_ms

    def __call__(self, frame):
        time.sleep(self._network_ms / 1000)
        return super().__call__(frame)


class Outsider(StereoCamera):
    """A camera that also notes the age of every grid."""

    def __init__(self, rate_hz, size):
        super().__init__(rate_hz, *size)
        self.latency_ms = {}
        self.create_subscription(
            OccupancyGrid, 'stereo_node/occupancy_grid', self._hear, QoSProfile(depth=5), raw=True)

    def _hear(self, data):
        seconds, nanoseconds = STAMP.unpack_from(data, 4)
        stamp_ns = seconds * 1_000_000_000 + nanoseconds
        self.latency_ms[stamp_ns] = (self.get_clock().now().nanoseconds - stamp_ns) / 1e6


def watch_from_outside(rate_hz, size, frames, path):
    """Play the camera until so many answers came, and write when they did."""
    rclpy.init()
    outsider = Outsider(rate_hz, size)
    while len(outsider.latency_ms) < frames:
        rclpy.spin_once(outsider)
    Path(path).write_text(json.dumps(outsider.latency_ms))
    rclpy.try_shutdown()


def run_node(arguments, folder):
    """Return the latency that the node reports, by stamp, and that of the outsider."""
    load = load_estimator if arguments.weights else (
        lambda *args, **kwargs: SlowEstimator(arguments.network_ms))
    node = StereoNode(load=load, parameter_overrides=[
        Parameter('model.weights', value=arguments.weights or 'dummy'),
        Parameter('files_directory', value=str(folder)),
        Parameter('timings.frames', value=100_000)])
    path = folder / 'outside.json'
    command = [sys.executable, __file__, '--outsider', str(path), '--rate', str(arguments.rate),
               '--frames', str(arguments.frames), '--size', *map(str, arguments.size)]
    with bench.spinning(node):
        outsider = subprocess.Popen(command)
        outsider.wait(120 + 10 * arguments.frames / arguments.rate)
        time.sleep(0.5)
        success, message = node.write_timings()
    if not success:
        raise RuntimeError(message)
    with next(folder.glob('*.csv')).open() as file:
        inside = {int(row['stamp_ns']): float(row['pipeline_latency_ms'])
                  for row in csv.DictReader(file)}
    return inside, {int(stamp): age for stamp, age in json.loads(path.read_text()).items()}


def main() -> None:
    """Print both, and how far they are apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='', help='empty = a network that sleeps')
    parser.add_argument('--network-ms', type=float, default=100.0)
    parser.add_argument('--rate', type=float, default=2.0, help='pairs per second')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    parser.add_argument('--frames', type=int, default=60)
    parser.add_argument('--json', type=Path, help='also write the figures there')
    parser.add_argument('--outsider', type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.outsider:
        watch_from_outside(
            arguments.rate, arguments.size, arguments.frames, arguments.outsider)
        return
    rclpy.init()
    with tempfile.TemporaryDirectory() as folder:
        inside, outside = run_node(arguments, Path(folder))
    rclpy.try_shutdown()
    stamps = sorted(inside.keys() & outside.keys())[3:]  # discovery, and first-time allocations
    told, seen = (np.array([times[stamp] for stamp in stamps]) for times in (inside, outside))
    ranks = (50, 95, 100)
    apart = 100 * (told - seen) / seen
    print(f'{len(stamps)} frames, ms{"p50":>14}{"p95":>9}{"max":>9}')
    for name, values in (('the node says', told), ('seen from outside', seen)):
        print(f'{name:20}' + ''.join(f'{value:9.1f}' for value in np.percentile(values, ranks)))
    shares = [100 * (np.percentile(told, rank) / np.percentile(seen, rank) - 1) for rank in ranks]
    print(f'{"apart, %":20}' + ''.join(f'{share:9.1f}' for share in shares))
    print(f'single frames: {np.median(apart):.1f} % at the median, {np.abs(apart).max():.1f} % at '
          f'most (limit {LIMIT_PERCENT:g} % at the median and at p95)')
    if arguments.json:
        arguments.json.write_text(json.dumps({'inside': inside, 'outside': outside}))


if __name__ == '__main__':
    main()
