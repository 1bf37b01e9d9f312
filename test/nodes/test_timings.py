from __future__ import annotations

import pytest

from ssc_ros.nodes.timings import StageSummary, StageTimings, Stopwatch


def test_percentiles_cover_the_window_only():
    now = [0.0]
    timings = StageTimings(window_s=10.0, clock=lambda: now[0])
    timings.record({'network': 1000.0})
    now[0] = 11.0
    for value in range(101):
        timings.record({'network': float(value), 'publish': 1.0})
    summary = timings.summary()
    assert summary['network'] == StageSummary(101, 50.0, 95.0, 100.0)
    now[0] = 30.0
    assert timings.summary() == {}


def test_clearing_forgets_everything():
    timings = StageTimings()
    timings.record({'network': 1.0})
    timings.clear()
    assert timings.summary() == {}


def test_the_stopwatch_times_nested_stages(monkeypatch):
    from ssc_ros.nodes import timings

    ticks = iter([0.0, 1.0, 3.0, 6.0])
    monkeypatch.setattr(timings, 'perf_counter', lambda: next(ticks))
    watch = Stopwatch()
    with watch.stage('total'), watch.stage('inner'):
        pass
    assert watch.durations_ms == pytest.approx({'inner': 2000.0, 'total': 6000.0})
