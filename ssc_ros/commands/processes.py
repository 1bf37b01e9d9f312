"""Run nodes as child processes that never outlive their parent's work."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from ssc_ros.errors import ConfigurationError, SscError

STOP_TIMEOUT_S = 10.0
SHOWN_LOG_LINES = 8
PR_SET_PDEATHSIG = 1  # linux/prctl.h
DOMAINS = 100  # from 102 on, their ports would collide with the ephemeral ones of Linux


class NodeProcesses:
    """
    Nodes of this package, each in a process of its own, in a ROS graph of their own.

    Args:
        folder: where logs and parameter files go.
    """

    def __init__(self, folder: Path) -> None:
        self.interrupts = Interrupts()
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = private_graph(os.environ)

    def start(
        self, node: str, parameters: Mapping[str, Any], remaps: Mapping[str, str] | None = None,
    ) -> None:
        """Start ``ssc_ros.nodes.<node>``; its output goes to ``<node>.log``."""
        # JSON is YAML, and a file takes names that the command line refuses.
        parameter_file = self._folder / f'{node}.json'
        parameter_file.write_text(json.dumps(
            {'/**': {'ros__parameters': dict(parameters)}}, indent=2))
        remap_arguments = [word for source, target in (remaps or {}).items()
                           for word in ('-r', f'{source}:={target}')]
        with self.interrupts.held(), self.log_path(node).open('wb') as log:
            self._children[node] = subprocess.Popen(
                [sys.executable, '-m', f'ssc_ros.nodes.{node}', '--ros-args',
                 '--params-file', str(parameter_file), *remap_arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=self._environment, preexec_fn=_end_with_parent)

    def process_id(self, node: str) -> int:
        """Return the process of a node."""
        return self._children[node].pid

    def log_path(self, node: str) -> Path:
        """Return the file that keeps the output of a node."""
        return self._folder / f'{node}.log'

    def log(self, node: str) -> str:
        """Return what a node has said so far."""
        return self.log_path(node).read_text(encoding='utf-8', errors='replace')

    def has_ended(self, node: str) -> bool:
        """
        Tell whether a node has ended by itself.

        Raises:
            SscError: it ended with an error; the message holds its last words.
        """
        code = self._children[node].poll()
        if code not in (None, 0):
            raise self.failure(node, f'ended with exit code {code}')
        return code is not None

    def failure(self, node: str, what: str) -> SscError:
        """Return the error that says what a node did and its last words."""
        words = '\n  '.join(self.log(node).splitlines()[-SHOWN_LOG_LINES:])
        return SscError(f'{node} {what}; the end of {self.log_path(node)}:\n  {words}')

    def stop(self) -> None:
        """End all nodes: ask first, then force."""
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        deadline = monotonic() + STOP_TIMEOUT_S
        for child in self._children.values():
            try:
                child.wait(max(0.1, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class Interrupts:
    """SIGINT and SIGTERM as KeyboardInterrupt, but never while a child is started or stopped."""

    def __init__(self) -> None:
        self._is_held = False
        self._has_come = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Take over both signals; afterwards they do what they did before."""
        previous = {number: signal.signal(number, self._receive)
                    for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let an interrupt wait until the end of the block."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._has_come:
            self._has_come = False
            raise KeyboardInterrupt

    def _receive(self, number: int, frame: object) -> None:
        if not self._is_held:
            raise KeyboardInterrupt
        self._has_come = True


@contextmanager
def node_processes(folder: Path) -> Iterator[NodeProcesses]:
    """Provide NodeProcesses that are stopped at the end, whatever happens, SIGTERM included."""
    require_ros()
    nodes = NodeProcesses(folder)
    with nodes.interrupts.handled():
        try:
            yield nodes
        finally:
            with nodes.interrupts.held():
                nodes.stop()


def _end_with_parent() -> None:
    """Let Linux end this child when its parent is killed; runs between fork and exec."""
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def require_ros() -> None:
    """Raise ConfigurationError with the remedy where rclpy is missing."""
    if find_spec('rclpy') is None:
        raise ConfigurationError(
            'this needs ROS 2 for Python (rclpy): source a ROS 2 installation, or '
            "pip install 'ssc_ros[ros]' on Python 3.10 to 3.13")


def private_graph(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose nodes meet nobody but each other."""
    private = {
        **environment, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': str(free_domain()),
        'PYTHONUNBUFFERED': '1', 'RCUTILS_COLORIZED_OUTPUT': '0'}
    if environment.get('ROS_DISTRO') == 'humble':
        private['ROS_LOCALHOST_ONLY'] = '1'
    return private


def free_domain() -> int:
    """Return a ROS domain that no process on this machine uses now, if there is any."""
    first = os.getpid() % DOMAINS
    candidates = [1 + (first + offset) % DOMAINS for offset in range(DOMAINS)]
    return next((domain for domain in candidates if _is_free(domain)), candidates[0])


def _is_free(domain: int) -> bool:
    """Probe the discovery ports of a domain (DDSI-RTPS 2.5, 9.6.2.3)."""
    for offset in (0, 10):  # multicast, and unicast of the first participant
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', 7400 + 250 * domain + offset))
            except OSError:
                return False
    return True
