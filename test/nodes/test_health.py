from __future__ import annotations

import pytest

from ssc_ros.nodes.findings import Finding
from ssc_ros.nodes.health import Health, health_values, judge
from ssc_ros.nodes.timings import StageSummary

RUNNING = {'total': StageSummary(20, 10.0, 12.0, 15.0)}


@pytest.mark.parametrize(('health', 'level', 'words'), [
    (Health('unconfigured', error='no bundle'), 'ERROR', 'no bundle'),
    (Health('unconfigured', error='no bundle', finding=Finding('not_loaded', 'mend it')), 'ERROR',
     'mend it'),
    (Health('inactive'), 'OK', 'inactive: nothing is processed'),
    (Health('active', received={'left': 5}, stages=RUNNING, finding=Finding('x', 'do y')), 'WARN',
     'do y'),
    (Health('active', received={'left': 5}, stages=RUNNING,
            finding=Finding('x', 'nobody listens', is_fault=False)), 'OK',
     '2.0 Hz; nobody listens'),
    (Health('active', received={'left': 0}, topics=('/left', '/right')), 'WARN',
     'no image yet on /left, /right'),
    (Health('active', received={'left': 5}), 'WARN', 'no frame within 10 s'),
    (Health('active', received={'left': 5}, stages=RUNNING), 'OK', '2.0 Hz'),
    (Health('active', received={'left': 5}, stages=RUNNING,
            dropped_lately={'superseded': 30, 'no_pose': 0}), 'OK', '2.0 Hz'),
    (Health('active', received={'left': 5}, stages=RUNNING, dropped_lately={'no_pose': 2}),
     'WARN', '2.0 Hz; images dropped: 2 no_pose'),
])
def test_the_sentence_names_what_matters_most(health, level, words):
    assert judge(health) == (level, words)


def test_all_figures_are_listed_with_units():
    values = health_values(Health(
        'active', received={'left': 5}, used={'left': 3}, dropped={'superseded': 2},
        stages=RUNNING, details={'model': 'dummy'}))
    assert values == {
        'state': 'active', 'watchdog': 'content', 'model': 'dummy', 'rate (Hz)': '2.00',
        'received left': '5', 'used left': '3', 'dropped superseded': '2',
        'total p50/p95/max (ms)': '10.00/12.00/15.00'}


@pytest.mark.ros
def test_the_message_is_a_standard_diagnostic_array():
    from builtin_interfaces.msg import Time
    from diagnostic_msgs.msg import DiagnosticStatus

    from ssc_ros.nodes.health import encode_health

    array = encode_health(Health('inactive'), '/stereo_node: perception', 'cpu', Time(sec=5))
    status = array.status[0]
    assert (status.level, status.name, status.hardware_id) == (
        DiagnosticStatus.OK, '/stereo_node: perception', 'cpu')
    assert array.header.stamp.sec == 5 and status.values[0].key == 'state'
