"""
How long the transitions of stereo_node take, asked as a lifecycle manager does, and its watchdog.

Times are from the request of ~/change_state to its answer, over DDS; CPU time is that of the node
and of the manager, and tells more where other processes compete. The watchdog is timed from
the activation of a node without a camera until /diagnostics names the cause.

Run: python benchmarks/bench_lifecycle.py --weights dummy
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from pathlib import Path

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(101 + os.getpid() % 100))

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from ssc_ros.nodes.compat import spin_until_shutdown
from ssc_ros.nodes.stereo_node import StereoNode

ACTIVATE_LIMIT_MS, WATCHDOG_LIMIT_S = 50.0, 5.0
TIMEOUT_S = 300.0


class Manager(Node):
    """Asks for transitions, and waits for what the watchdog says."""

    def __init__(self) -> None:
        super().__init__('manager')
        self._client = self.create_client(ChangeState, '/stereo_node/change_state')
        self.create_subscription(DiagnosticArray, '/diagnostics', self._hear, 10)
        self._cause = ''
        self._has_cause = threading.Event()

    def _hear(self, report):
        values = {item.key: item.value for item in report.status[0].values}
        if values['state'] == 'active' and values['watchdog'] != 'content':
            self._cause = values['watchdog']
            self._has_cause.set()

    def change(self, label):
        """Return the milliseconds that a transition took, and those of the processor."""
        if not self._client.wait_for_service(TIMEOUT_S):
            raise TimeoutError('the node offers no change_state')
        request = ChangeState.Request()
        request.transition.label = label
        done, started = threading.Event(), (time.perf_counter(), time.process_time())
        future = self._client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(TIMEOUT_S) or not future.result().success:
            raise RuntimeError(f'{label} failed: see the log above')
        return ((time.perf_counter() - started[0]) * 1000,
                (time.process_time() - started[1]) * 1000)

    def wait_for_cause(self):
        """Return the cause that the watchdog named, and the seconds that it took."""
        self._has_cause.clear()
        started = time.perf_counter()
        if not self._has_cause.wait(TIMEOUT_S):
            raise TimeoutError('the watchdog said nothing')
        return self._cause, time.perf_counter() - started


def measure(manager, rounds, activations):
    """Return the milliseconds of every transition, by its name, each with those of the CPU."""
    times = {label: [] for label in ('configure', 'activate', 'deactivate', 'cleanup')}
    for _ in range(rounds):
        times['configure'].append(manager.change('configure'))
        for _ in range(activations):
            times['activate'].append(manager.change('activate'))
            times['deactivate'].append(manager.change('deactivate'))
        times['cleanup'].append(manager.change('cleanup'))
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='dummy')
    parser.add_argument('--rounds', type=int, default=3, help='configure to cleanup')
    parser.add_argument('--activations', type=int, default=10, help='in each round')
    parser.add_argument('--json', type=Path, help='also write the figures there')
    arguments = parser.parse_args()
    rclpy.init()
    node = StereoNode(parameter_overrides=[
        Parameter('autostart', value=False), Parameter('model.weights', value=arguments.weights)])
    manager = Manager()
    for each in (node, manager):
        executor = SingleThreadedExecutor()
        executor.add_node(each)
        threading.Thread(target=spin_until_shutdown, args=[executor], daemon=True).start()
    times = measure(manager, arguments.rounds, arguments.activations)
    manager.change('configure')
    manager.change('activate')
    cause, delay_s = manager.wait_for_cause()
    print(f'{arguments.weights}, milliseconds\n{"transition":12}{"median":>9}{"max":>9}'
          f'{"CPU":>9}{"n":>5}')
    for label, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        print(f'{label:12}{statistics.median(wall):9.1f}{max(wall):9.1f}'
              f'{statistics.median(cpu):9.1f}{len(pairs):5d}')
    print(f'activate: limit {ACTIVATE_LIMIT_MS:g} ms; the watchdog names {cause} after '
          f'{delay_s:.1f} s (limit {WATCHDOG_LIMIT_S:g} s)')
    if arguments.json:
        arguments.json.write_text(json.dumps(
            {'transitions_ms': times, 'cause': cause, 'watchdog_s': delay_s}))
    rclpy.try_shutdown()
    node.close()


if __name__ == '__main__':
    main()
