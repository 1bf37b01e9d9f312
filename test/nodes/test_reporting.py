from __future__ import annotations

from ssc_ros.nodes.reporting import ThrottledReporter


def make_reporter():
    lines, now = [], [0.0]
    return ThrottledReporter(lines.append, period_s=5.0, clock=lambda: now[0]), lines, now


def test_the_first_report_is_immediate_and_names_topic_and_reason():
    reporter, lines, _ = make_reporter()
    reporter.warn('bad_image', '/left', 'too small')
    assert lines == ['/left: too small (bad_image)']


def test_repetitions_are_counted_and_reported_after_the_period():
    reporter, lines, now = make_reporter()
    for _ in range(10):
        reporter.warn('bad_image', '/left', 'too small')
    now[0] = 5.0
    reporter.warn('bad_image', '/left', 'too small')
    assert lines[1:] == ['/left: too small (bad_image, 9 more since the last report)']


def test_one_topic_does_not_silence_another():
    reporter, lines, _ = make_reporter()
    reporter.warn('bad_image', '/left', 'x')
    reporter.warn('bad_image', '/right', 'x')
    reporter.warn('no_pose', '/left', 'x')
    assert len(lines) == 3


def test_everything_is_counted_whether_it_was_logged_or_not():
    reporter = ThrottledReporter(lambda line: None, clock=lambda: 0.0)
    for topic in ('/odom', '/odom', '/image'):
        reporter.warn('bad', topic, 'text')
    assert reporter.counts == {('bad', '/odom'): 2, ('bad', '/image'): 1}
