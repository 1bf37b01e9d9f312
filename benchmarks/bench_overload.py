"""
A camera at 30 Hz against a network at 2 Hz: age of the input, memory, and where images went.

Run: python benchmarks/bench_overload.py --seconds 120
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import bench_stereo_node as bench  # sets the ROS environment before rclpy is imported
import rclpy

from ssc_ros.models.estimator import DummyEstimator
from ssc_ros.nodes.stereo_node import StereoNode

NETWORK_PERIOD_S = 0.5
SAMPLE_PERIOD_S = 5.0


class SlowEstimator(DummyEstimator):
    """Takes half a second, as a network on a small robot does."""

    def __call__(self, frame):
        time.sleep(NETWORK_PERIOD_S)
        return super().__call__(frame)


def resident_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(node, seconds):
    """Return one row per sample: time, memory, input age p50 and max, pending messages."""
    rows, started = [], time.monotonic()
    print(f'{"s":>6}{"MB":>9}{"age p50":>9}{"age max":>9}{"pending":>9}')
    while time.monotonic() - started < seconds:
        time.sleep(SAMPLE_PERIOD_S)
        age = node.stage_summary['input_age']
        rows.append((time.monotonic() - started, resident_mb(), age.p50, age.maximum,
                     node.totals.pending))
        print('{:6.0f}{:9.1f}{:9.0f}{:9.0f}{:9d}'.format(*rows[-1]), flush=True)
    return rows


def main() -> None:
    """Print the curves and the account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=120.0)
    parser.add_argument('--rate', type=float, default=30.0, help='pairs per second')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    parser.add_argument('--json', type=Path, help='also write the figures there')
    arguments = parser.parse_args()
    rclpy.init()
    node = StereoNode(load=lambda *args, **kwargs: SlowEstimator())
    with bench.running(node, arguments.rate, arguments.size):
        bench.wait_for(lambda: node.totals.used['left'] >= 3)
        node.forget_timings()
        rows = measure(node, arguments.seconds)
    totals = node.totals
    rclpy.try_shutdown()
    worst_ms, limit_ms = max(row[3] for row in rows), 2000 * NETWORK_PERIOD_S
    growth_mb = rows[-1][1] - rows[len(rows) // 4][1]
    print(f'received {totals.received}, used {totals.used}, dropped {totals.dropped}')
    print(f'unaccounted {totals.pending}; oldest input {worst_ms:.0f} ms (limit {limit_ms:.0f}); '
          f'memory {growth_mb:+.1f} MB over the last three quarters')
    if arguments.json:
        arguments.json.write_text(json.dumps({
            'rows': rows, 'received': totals.received, 'used': totals.used,
            'dropped': totals.dropped, 'unaccounted': totals.pending}))


if __name__ == '__main__':
    main()
