"""The state of a node as diagnostic_msgs: level, one sentence, figures with units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssc_ros.messages.classes import message_class, new_message
from ssc_ros.nodes.findings import Finding
from ssc_ros.nodes.refusals import SUPERSEDED
from ssc_ros.nodes.timings import StageSummary


@dataclass(frozen=True, slots=True)
class Health:
    """
    What the diagnostics of one node are made of.

    Attributes:
        state: lifecycle state.
        error: why the node is not where it should be, empty = fine.
        finding: of the watchdog, None = nothing to tell.
        window_s: length of the sliding window of ``stages``.
        received, used: messages by input since activation.
        dropped: messages by reason since activation.
        dropped_lately: of these, since the last report.
        topics: what the node listens to.
        stages: durations within the window.
        details: further lines, e.g. model and device.
    """

    state: str
    error: str = ''
    finding: Finding | None = None
    window_s: float = 10.0
    received: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    dropped_lately: Mapping[str, int] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    stages: Mapping[str, StageSummary] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def rate_hz(self) -> float:
        """Frames finished per second within the window."""
        return self.stages['total'].count / self.window_s if 'total' in self.stages else 0.0


def judge(health: Health) -> tuple[str, str]:
    """Return the level (``OK``, ``WARN`` or ``ERROR``) and the sentence of a node's state."""
    finding = health.finding
    if health.error:
        return 'ERROR', health.error if finding is None else finding.sentence
    if finding is not None and finding.is_fault:
        return 'WARN', finding.sentence
    if health.state != 'active':
        return 'OK', f'{health.state}: nothing is processed'
    level, sentence = _judge_flow(health)
    return level, sentence if finding is None else f'{sentence}; {finding.sentence}'


def _judge_flow(health: Health) -> tuple[str, str]:
    if not any(health.received.values()):
        return 'WARN', 'no image yet on ' + ', '.join(health.topics)
    # A network slower than the camera is normal: the newest frame wins.
    losses = {reason: count for reason, count in health.dropped_lately.items()
              if count and reason != SUPERSEDED}
    if losses:
        words = ', '.join(f'{count} {reason}' for reason, count in sorted(losses.items()))
        return 'WARN', f'{health.rate_hz:.1f} Hz; images dropped: {words}'
    if not health.stages:
        return 'WARN', f'no frame within {health.window_s:g} s'
    return 'OK', f'{health.rate_hz:.1f} Hz'


def encode_health(health: Health, name: str, hardware_id: str, stamp: Any) -> Any:
    """Return a diagnostic_msgs/DiagnosticArray with one status called ``name``."""
    status_class = message_class('diagnostic_msgs/DiagnosticStatus')
    level, message = judge(health)
    status = new_message(
        'diagnostic_msgs/DiagnosticStatus', level=getattr(status_class, level), name=name,
        message=message, hardware_id=hardware_id,
        values=[new_message('diagnostic_msgs/KeyValue', key=key, value=value)
                for key, value in health_values(health).items()])
    array = new_message('diagnostic_msgs/DiagnosticArray', status=[status])
    array.header.stamp = stamp
    return array


def health_values(health: Health) -> dict[str, str]:
    """Return the figures by name, with units."""
    values = {'state': health.state,
              'watchdog': health.finding.cause if health.finding else 'content',
              **health.details, 'rate (Hz)': f'{health.rate_hz:.2f}'}
    values.update({f'received {name}': str(n) for name, n in health.received.items()})
    values.update({f'used {name}': str(n) for name, n in health.used.items()})
    values.update({f'dropped {reason}': str(n) for reason, n in sorted(health.dropped.items())})
    for stage, summary in health.stages.items():
        values[f'{stage} p50/p95/max (ms)'] = (
            f'{summary.p50:.2f}/{summary.p95:.2f}/{summary.maximum:.2f}')
    return values
