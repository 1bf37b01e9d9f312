"""
Run stereo_node for a long time against a camera that is killed now and then, and draw its curves.

Memory, threads and file descriptors of the process, rate and losses come once per period into a
CSV file and a picture: python benchmarks/soak.py --minutes 30 --out soak
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssc_ros.commands.processes import private_graph

os.environ.update(private_graph(os.environ))

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from panels import panels_picture, process_figures
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from ssc_ros.viewer.drawing import save_png

FOLDER = Path(__file__).parent
COLUMNS = ('time_s', 'memory_mb', 'threads', 'descriptors', 'received', 'used', 'dropped',
           'rate_hz', 'lost_hz', 'pending', 'input_age_max_ms')
PANELS = {
    'memory_mb': 'resident memory, MB', 'threads': 'threads', 'descriptors': 'file descriptors',
    'rate_hz': 'pairs used per second', 'lost_hz': 'images dropped per second',
    'pending': 'images received, neither used nor dropped yet',
    'input_age_max_ms': 'oldest input of the last 10 s, ms'}


class Listener(Node):
    """Keeps the newest diagnostics of stereo_node."""

    def __init__(self) -> None:
        super().__init__('soak')
        self.values: dict[str, str] = {}
        self.create_subscription(DiagnosticArray, '/diagnostics', self._receive, 10)

    def _receive(self, message: Any) -> None:
        for status in message.status:
            if 'stereo_node' in status.name and any(
                    item.key.startswith('received ') for item in status.values):
                self.values = {item.key: item.value for item in status.values}

    def counts(self) -> dict[str, float]:
        """Return what became of all images, and the age of the oldest that was used lately."""
        total = {word: sum(int(value) for key, value in self.values.items()
                           if key.startswith(f'{word} '))
                 for word in ('received', 'used', 'dropped')}
        age = self.values.get('input_age p50/p95/max (ms)', '0/0/0').split('/')[2]
        return {**total, 'input_age_max_ms': float(age),
                'pending': total['received'] - total['used'] - total['dropped']}


def start_camera(arguments: argparse.Namespace, log: Any) -> subprocess.Popen[bytes]:
    """Start the process that publishes pairs and listens to all outputs."""
    return subprocess.Popen(
        [sys.executable, str(FOLDER / 'stereo_camera.py'), '--rate', str(arguments.rate),
         '--size', *map(str, arguments.size)], stdout=log, stderr=log)


def start_node(arguments: argparse.Namespace, log: Any) -> subprocess.Popen[bytes]:
    """Start the node under test."""
    return subprocess.Popen(
        [sys.executable, '-m', 'ssc_ros.nodes.stereo_node', '--ros-args',
         '-p', f'model.weights:={arguments.weights}'], stdout=log, stderr=log)


def spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    """Listen for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


def soak(arguments: argparse.Namespace, log: Any) -> list[dict[str, float]]:
    """Return one row per period."""
    listener, executor = Listener(), SingleThreadedExecutor()
    executor.add_node(listener)
    node, camera = start_node(arguments, log), start_camera(arguments, log)
    rows: list[dict[str, float]] = []
    try:
        while not listener.counts()['used']:
            spin(executor, 0.5)
        started = restarted = time.monotonic()
        with (arguments.out / 'soak.csv').open('w', newline='') as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            while time.monotonic() - started < arguments.minutes * 60:
                spin(executor, arguments.period)
                rows.append(sample(node.pid, listener, time.monotonic() - started, rows))
                table.writerow({name: round(rows[-1][name], 3) for name in COLUMNS})
                file.flush()
                if time.monotonic() - restarted > arguments.camera_life:
                    camera.kill()
                    camera.wait()
                    camera, restarted = start_camera(arguments, log), time.monotonic()
        node.terminate()
        print(f'exit code after SIGTERM: {node.wait(30)}')
    finally:
        for process in (node, camera):
            process.kill()
            process.wait()
    return rows


def sample(
    pid: int, listener: Listener, time_s: float, rows: Sequence[dict[str, float]],
) -> dict[str, float]:
    """Return one row; rates are those since the row before."""
    row = {'time_s': time_s, **process_figures(pid), **listener.counts()}
    before = rows[-1] if rows else {**row, 'time_s': 0.0}
    seconds = row['time_s'] - before['time_s']
    return {**row, 'rate_hz': (row['used'] - before['used']) / 2 / seconds,
            'lost_hz': (row['dropped'] - before['dropped']) / seconds}


def summary(rows: Sequence[dict[str, float]]) -> str:
    """Return the figures for the page."""
    later = rows[len(rows) // 4:]
    last = rows[-1]
    growth = later[-1]['memory_mb'] - later[0]['memory_mb']
    spans = ', '.join(
        f'{name} {min(row[name] for row in later):.0f} to {max(row[name] for row in later):.0f}'
        for name in ('threads', 'descriptors'))
    return (f'{last["time_s"] / 60:.1f} minutes: {last["received"]:.0f} images received, '
            f'{last["used"]:.0f} used, {last["dropped"]:.0f} dropped, {last["pending"]:.0f} '
            f'waiting; memory {last["memory_mb"]:.0f} MB, {growth:+.1f} MB over the last three '
            f'quarters; {spans}; oldest input {max(r["input_age_max_ms"] for r in rows):.0f} ms')


def main() -> None:
    """Soak, write soak.csv and soak.png, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--period', type=float, default=2.0, help='seconds between samples')
    parser.add_argument('--rate', type=float, default=10.0, help='pairs per second')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 320), help='height and width')
    parser.add_argument('--weights', default='dummy')
    parser.add_argument('--camera-life', type=float, default=60.0,
                        help='seconds after which the camera is killed and started again')
    parser.add_argument('--out', type=Path, default=Path('soak'))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rclpy.init()
    with (arguments.out / 'soak.log').open('wb') as log:
        rows = soak(arguments, log)
    rclpy.try_shutdown()
    title = (f'stereo_node ({arguments.weights}) for {arguments.minutes:g} minutes, camera of '
             f'{arguments.rate:g} Hz killed every {arguments.camera_life:g} s')
    save_png(panels_picture(rows, PANELS, title), arguments.out / 'soak.png')
    print(summary(rows))


if __name__ == '__main__':
    main()
