"""
Run mapping_node over a bag again and again, and draw memory, frames and completions.

Every jump back in time begins a new map. Cloud and diagnostics have a listener. One row per period
goes into a CSV file, all into a picture: python benchmarks/soak_mapping.py --minutes 10 --out soak
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssc_ros.commands.processes import private_graph

os.environ.update(private_graph(os.environ))

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from panels import panels_picture, process_figures
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import find_frame_topics
from ssc_ros.commands.replay import input_parameters, node_remaps
from ssc_ros.commands.samples import WALK_BAG, sample_bag
from ssc_ros.viewer.drawing import save_png

COLUMNS = ('time_s', 'memory_mb', 'threads', 'descriptors', 'frames', 'completions', 'resets',
           'clouds', 'integrate_ms', 'network_ms')
PANELS = {
    'memory_mb': 'resident memory, MB', 'threads': 'threads', 'descriptors': 'file descriptors',
    'frames': 'frames fused', 'completions': 'squares completed', 'clouds': 'clouds received',
    'integrate_ms': 'fusing a frame, median of the last 10 s, ms',
    'network_ms': 'completing a square, median of the last 10 s, ms'}
# Until the allocator has seen the largest of everything: a map, a completion, a cloud.
WARM_S = 120.0


class Listener(Node):
    """Counts clouds and keeps the newest diagnostics of mapping_node."""

    def __init__(self) -> None:
        super().__init__('soak')
        self.values: dict[str, str] = {}
        self.clouds = 0
        self.create_subscription(DiagnosticArray, '/diagnostics', self._receive, 10)
        self.create_subscription(
            PointCloud2, '/mapping_node/voxels/points', self._count, 2, raw=True)

    def _receive(self, message: Any) -> None:
        for status in message.status:
            if 'mapping_node' in status.name and any(
                    item.key == 'frames fused' for item in status.values):
                self.values = {item.key: item.value for item in status.values}

    def _count(self, message: Any) -> None:
        self.clouds += 1

    def figures(self) -> dict[str, float]:
        """Return what the node has done so far, and how long it takes."""
        medians = {f'{stage}_ms': float(self.values.get(
            f'{stage} p50/p95/max (ms)', '0').split('/')[0]) for stage in ('integrate', 'network')}
        return {name: float(self.values.get(key, 0)) for name, key in (
            ('frames', 'frames fused'), ('completions', 'completions'),
            ('resets', 'map resets'))} | medians | {'clouds': self.clouds}


def start(
    node: str, parameters: dict[str, Any], remaps: dict[str, str], out: Path, log: Any,
) -> subprocess.Popen[bytes]:
    """Start a node of this package."""
    path = out / f'{node}.json'
    path.write_text(json.dumps({'/**': {'ros__parameters': parameters}}))
    words = [word for old, new in remaps.items() for word in ('-r', f'{old}:={new}')]
    return subprocess.Popen(
        [sys.executable, '-m', f'ssc_ros.nodes.{node}', '--ros-args', '--params-file', str(path),
         *words], stdout=log, stderr=log)


def soak(arguments: argparse.Namespace, log: Any) -> list[dict[str, float]]:
    """Return one row per period."""
    listener, executor = Listener(), SingleThreadedExecutor()
    executor.add_node(listener)
    with BagReader(arguments.bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
    node = start('mapping_node', {
        'model.weights': arguments.weights, 'pose.source': 'odometry',
        **input_parameters(topics)}, dict(node_remaps(topics)), arguments.out, log)
    player = start('bag_player_node', {
        'bag': str(arguments.bag), 'loop': True, 'rate': arguments.rate,
        'wait_for_subscribers': 1, 'topics': [
            topics.first, topics.second, topics.first_info, topics.odometry]}, {},
        arguments.out, log)
    try:
        while not listener.figures()['frames']:
            executor.spin_once(timeout_sec=0.5)
        rows = sampled(arguments, node.pid, listener, executor)
        node.terminate()
        print(f'exit code after SIGTERM: {node.wait(60)}')
    finally:
        for process in (node, player):
            process.kill()
            process.wait()
    return rows


def sampled(
    arguments: argparse.Namespace, pid: int, listener: Listener, executor: SingleThreadedExecutor,
) -> list[dict[str, float]]:
    """Return one row per period, which also goes into the file."""
    rows: list[dict[str, float]] = []
    started = time.monotonic()
    with (arguments.out / 'soak.csv').open('w', newline='') as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        while (now := time.monotonic() - started) < arguments.minutes * 60:
            rows.append({'time_s': now, **process_figures(pid), **listener.figures()})
            table.writerow({name: round(rows[-1][name], 3) for name in COLUMNS})
            file.flush()
            while time.monotonic() < started + now + arguments.period:
                executor.spin_once(timeout_sec=0.2)
    return rows


def summary(rows: Sequence[dict[str, float]]) -> str:
    """Return the figures for the page."""
    last = rows[-1]

    def memory(first_s: float, last_s: float) -> float:
        return float(np.mean([
            row['memory_mb'] for row in rows if first_s <= row['time_s'] <= last_s]))

    warm_s = min(WARM_S, last['time_s'] / 4)
    early, late = memory(warm_s, warm_s + 60), memory(last['time_s'] - 60, last['time_s'])
    return (f'{last["time_s"] / 60:.1f} minutes: {last["frames"]:.0f} frames fused, '
            f'{last["completions"]:.0f} completions, {last["resets"]:.0f} new maps, '
            f'{last["clouds"]:.0f} clouds; memory {memory(0, 5):.0f} MB at first, {early:.1f} MB '
            f'in the minute after {warm_s:.0f} s, {late:.1f} MB in the last '
            f'({(late / early - 1) * 100:+.2f} %), at most '
            f'{max(row["memory_mb"] for row in rows):.1f} MB; '
            f'{last["threads"]:.0f} threads, {last["descriptors"]:.0f} file descriptors')


def main() -> None:
    """Soak, write soak.csv and soak.png, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--period', type=float, default=2.0, help='seconds between samples')
    parser.add_argument('--rate', type=float, default=1.0, help='of the replay')
    parser.add_argument('--weights', default='s4r_small_rooms')
    parser.add_argument('--bag', type=Path, default=None, help='the sample walk')
    parser.add_argument('--out', type=Path, default=Path('soak_mapping'))
    arguments = parser.parse_args()
    arguments.bag = arguments.bag or sample_bag(WALK_BAG)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rclpy.init()
    with (arguments.out / 'soak.log').open('wb') as log:
        rows = soak(arguments, log)
    rclpy.try_shutdown()
    title = (f'mapping_node ({arguments.weights}) for {arguments.minutes:g} minutes, '
             f'{arguments.bag.name} at {arguments.rate:g} times its pace')
    save_png(panels_picture(rows, PANELS, title), arguments.out / 'soak.png')
    print(summary(rows))


if __name__ == '__main__':
    main()
