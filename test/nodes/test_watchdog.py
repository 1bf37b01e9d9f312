from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ssc_ros.nodes.findings import GRACE_S, Finding, Link, Observation
from ssc_ros.nodes.watchdog import diagnose, one_line
from ssc_ros.nodes.watchdog_voice import LONGEST_REPEAT_S, REPEAT_S, WatchdogVoice

HEARD = Link('/left/image_rect', 'left/image_rect', 'sensor_msgs/msg/Image',
             publishers=('/camera',))
UNHEARD = replace(HEARD, silence_s=math.inf)
INFO = Link('/left/camera_info', 'left/camera_info', 'sensor_msgs/msg/CameraInfo',
            is_calibration=True, publishers=('/camera',))
SILENT = Observation('/stereo_node', 'active', 20.0, silence_s=math.inf, links=(HEARD, INFO))
RUNNING = replace(SILENT, silence_s=0.2)


def silent(**changes):
    return replace(SILENT, **changes)


@pytest.mark.parametrize(('observation', 'cause', 'is_fault', 'words'), [
    (Observation('/n', 'unconfigured'), 'not_loaded', False, 'ros2 lifecycle set /n configure'),
    (Observation('/n', 'unconfigured', error='no bundle x'), 'not_loaded', True,
     'cannot configure: no bundle x; once that is mended'),
    (Observation('/n', 'inactive'), 'inactive', False, 'ros2 lifecycle set /n activate'),
    (Observation('/n', 'inactive', error='no tf2_ros'), 'inactive', True,
     'cannot activate: no tf2_ros'),
    (silent(is_enabled=False), 'disabled', False, '/stereo_node/enable was called with false'),
    (silent(is_clock_unset=True, links=(UNHEARD,)), 'no_clock', True, 'nothing came on /clock'),
    (silent(clock_still_s=7.0), 'no_clock', True, 'stood still for 7 s'),
    (silent(links=(replace(UNHEARD, publishers=()), INFO)), 'no_publisher', True,
     'nothing publishes /left/image_rect: start the camera driver, or remap left/image_rect'),
    (silent(links=(replace(UNHEARD, misfit='Best effort publisher and reliable subscription'),)),
     'incompatible_qos', True, '(Best effort publisher and reliable subscription): change '
     'qos_overrides./left/image_rect.subscription.*'),
    (silent(links=(replace(UNHEARD, other_type='sensor_msgs/msg/CompressedImage'),)),
     'wrong_type', True, 'as sensor_msgs/msg/CompressedImage but sensor_msgs/msg/Image is wanted'),
    (silent(links=(UNHEARD,)), 'silent_publisher', True, 'but nothing came: check that'),
    (silent(links=(replace(UNHEARD, silence_s=12.0),)), 'silent_publisher', True,
     '/camera publishes /left/image_rect but nothing came for 12 s'),
    (silent(links=(HEARD, replace(INFO, silence_s=math.inf, publishers=()))), 'no_calibration',
     True, 'nothing publishes /left/camera_info'),
    (silent(links=(HEARD, replace(INFO, silence_s=math.inf))), 'no_calibration', True,
     '/camera publishes /left/camera_info but nothing came'),
    (silent(computing_s=8.0), 'computing', False, 'worked on one frame for 8 s'),
    (silent(gap_ms=40.0, tolerance_ms=5.0), 'stamps_apart', True,
     '40 ms apart but sync.tolerance_ms allows 5: trigger them together or raise'),
    (silent(gap_ms=3.6e6, tolerance_ms=5.0), 'stamps_apart', True, 'let both use one clock'),
    (silent(refusal=('no_pose', '/left/image_rect', 'no odometry on topic /odom: start it'),
            refused=9), 'no_pose', True, 'no odometry on topic /odom: start it'),
    (silent(refusal=('bad_calibration', '/left/camera_info', 'K[0] is 0: calibrate'), refused=2),
     'no_calibration', True, 'K[0] is 0: calibrate'),
    (silent(refusal=('bad_message', '/left/image_rect', 'bayer_rggb8'), refused=2), 'refused',
     True, 'all images were refused (2 times, last bad_message), /left/image_rect: bayer_rggb8'),
    (silent(frame_pairs=(('/rgb', 'a', '/depth', 'b'),)), 'frames_differ', True,
     "/rgb is in frame 'a' but /depth in 'b'"),
    (silent(dropped={'duplicate': 30, 'late': 0}), 'unmatched', True, 'dropped: 30 duplicate'),
    (replace(RUNNING, is_clock_unset=True), 'no_clock', True, 'nothing came on /clock'),
    (replace(RUNNING, frame_pairs=(('/rgb', 'a', '/depth', 'b'),)), 'frames_differ', True,
     'they must show the same view'),
    (replace(RUNNING, listeners=0), 'nobody_listens', False,
     'nobody subscribes to any output of /stereo_node'),
    (replace(RUNNING, listeners=0, listener_misfits=('the subscription of /rviz does not suit',)),
     'incompatible_qos', True, 'the subscription of /rviz does not suit'),
])
def test_the_cause_and_the_remedy_are_named_in_one_line(observation, cause, is_fault, words):
    finding = diagnose(observation)
    assert (finding.cause, finding.is_fault) == (cause, is_fault)
    assert words in finding.sentence and '\n' not in finding.sentence


@pytest.mark.parametrize('observation', [
    RUNNING,
    replace(RUNNING, links=(UNHEARD,), gap_ms=900.0, clock_still_s=9.0, dropped={'late': 5},
            refusal=('bad_message', '/x', 'y'), refused=1),
    replace(SILENT, state_s=GRACE_S - 0.1, links=(UNHEARD,)),
    silent(frame_pairs=(('/rgb', 'a', '/depth', 'a'),), gap_ms=3.0, tolerance_ms=5.0),
    Observation('/n', 'unconfigured', GRACE_S - 0.1),
    Observation('/n', 'finalized'),
])
def test_nothing_is_said_while_frames_come_out_or_it_is_too_early(observation):
    assert diagnose(observation) is None


@pytest.mark.parametrize(('several', 'cause'), [
    ({'is_clock_unset': True, 'is_enabled': False}, 'disabled'),
    ({'links': (UNHEARD,), 'gap_ms': 50.0}, 'silent_publisher'),
    ({'gap_ms': 50.0, 'refusal': ('bad_message', '/x', 'y')}, 'stamps_apart'),
    ({'refusal': ('no_pose', '/x', 'y'), 'dropped': {'no_pose': 5}}, 'no_pose'),
    ({'dropped': {'late': 2}, 'listeners': 0}, 'unmatched'),
])
def test_of_several_causes_the_first_of_the_chain_is_named(several, cause):
    assert diagnose(silent(**several)).cause == cause


def test_several_unpublished_topics_are_one_sentence():
    right = replace(UNHEARD, topic='/right/image_rect', publishers=())
    finding = diagnose(silent(links=(replace(UNHEARD, publishers=()), right)))
    assert 'nothing publishes /left/image_rect, /right/image_rect:' in finding.sentence


def test_a_traceback_is_quoted_by_its_last_line():
    trace = 'Traceback (most recent call last):\n  File "x"\nTypeError: boom\n'
    assert one_line(trace) == 'TypeError: boom'
    assert one_line(f'skipped a frame: {trace}') == 'skipped a frame: TypeError: boom'
    assert one_line('two\n  lines ') == 'two lines'
    assert len(one_line('x' * 5000)) < 500


class Log:
    def __init__(self):
        self.now, self.lines = 100.0, []
        self.voice = WatchdogVoice(lambda: self, clock=lambda: self.now)

    def info(self, message):
        self.lines.append(('info', message))

    def warning(self, message):
        self.lines.append(('warning', message))

    def hear(self, finding, observation=SILENT, *, seconds=0.0, step=0.5):
        """Return what is logged while an observation lasts."""
        before = len(self.lines)
        end = self.now + seconds
        while True:
            self.voice.tell(finding, observation)
            if self.now + step > end:
                return self.lines[before:]
            self.now += step


FAULT = Finding('no_publisher', 'start the camera')
WISH = Finding('nobody_listens', 'subscribe', is_fault=False)


def test_a_lasting_fault_is_repeated_ever_more_seldom():
    log = Log()
    lines = log.hear(FAULT, seconds=7 * REPEAT_S)
    assert lines == [('warning', 'watchdog: start the camera (no_publisher)')] * 4
    lines = log.hear(FAULT, seconds=24 * LONGEST_REPEAT_S, step=10.0)
    assert 24 <= len(lines) <= 30


def test_healing_is_told_once_with_how_long_it_took():
    log = Log()
    log.hear(FAULT, seconds=12.0)
    assert log.hear(None, seconds=1.0) == []  # no frame came out yet
    assert log.hear(None, RUNNING, seconds=5.0) == [
        ('info', 'watchdog: healed after 13 s, frames come out again (no_publisher)')]


def test_a_wish_is_told_once_and_heals_silently():
    log = Log()
    assert log.hear(WISH, RUNNING, seconds=100.0) == [
        ('info', 'watchdog: subscribe (nobody_listens)')]
    assert log.hear(None, RUNNING, seconds=10.0) == []


def test_a_fault_of_a_stopped_node_is_neither_healed_nor_repeated():
    log = Log()
    log.hear(FAULT)
    stopped = replace(SILENT, state='inactive')
    assert log.hear(None, stopped, seconds=60.0) == []
    assert log.hear(None, RUNNING) == []


def test_faults_that_take_turns_do_not_flood_the_log():
    log = Log()
    other = Finding('stamps_apart', 'one clock')
    lines = [line for _ in range(30) for finding in (FAULT, other)
             for line in log.hear(finding, seconds=0.5)]
    assert len(lines) <= 6
