"""Node processes live in a graph of their own and never outlive their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from ssc_ros.commands.processes import Interrupts, free_domain, private_graph


def test_a_domain_that_somebody_uses_is_avoided() -> None:
    taken = free_domain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(('', 7400 + 250 * taken + 10))
        assert free_domain() != taken


def test_the_graph_stays_on_this_machine() -> None:
    environment = private_graph({'HOME': '/home/me', 'ROS_DOMAIN_ID': '0'})
    assert environment['HOME'] == '/home/me'
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert 1 <= int(environment['ROS_DOMAIN_ID']) <= 100
    assert 'ROS_LOCALHOST_ONLY' not in environment
    assert private_graph({'ROS_DISTRO': 'humble'})['ROS_LOCALHOST_ONLY'] == '1'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_until_it_may_come(number: signal.Signals) -> None:
    interrupts, steps = Interrupts(), []
    with pytest.raises(KeyboardInterrupt), interrupts.handled():
        with interrupts.held():
            os.kill(os.getpid(), number)
            steps.append('finished')
        steps.append('never reached')
    assert steps == ['finished']


def test_signals_do_afterwards_what_they_did_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts().handled():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def is_running(process: str) -> bool:
    """Tell whether a process lives; the init of a container may never collect dead ones."""
    try:
        state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return False
    return state != 'Z'


PARENT = """
import sys, time
from pathlib import Path
from ssc_ros.commands.processes import node_processes
with node_processes(Path(sys.argv[1])) as nodes:
    nodes.start('evaluator_node', {})
    time.sleep(60)
"""


@pytest.mark.ros
@pytest.mark.skipif(sys.platform != 'linux', reason='needs prctl of Linux')
def test_a_killed_parent_takes_its_nodes_with_it(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, '-c', PARENT, str(tmp_path)])
    children = Path(f'/proc/{parent.pid}/task/{parent.pid}/children')
    deadline = monotonic() + 30
    while not (words := children.read_text().split()) and monotonic() < deadline:
        sleep(0.02)
    sleep(0.2)  # the child asks for its end between fork and exec
    parent.kill()
    parent.wait()
    while is_running(words[0]) and monotonic() < deadline:
        sleep(0.02)
    assert not is_running(words[0])
