from __future__ import annotations

import gc
import weakref

import pytest

from ssc_ros.nodes.activity import ActivityRecord
from ssc_ros.nodes.refusals import RefusedInputError


@pytest.fixture
def clocked():
    now = [100.0]
    return now, ActivityRecord(['left', 'right'], clock=lambda: now[0])


def test_it_tells_who_was_heard_when_and_in_which_frame(clocked):
    now, record = clocked
    record.hear('left', 1_000_000, 'optical')
    now[0] = 103.0
    record.hear('left', 2_000_000, 'optical_2')
    activity = record.now()
    assert activity.heard_s == {'left': 103.0} and activity.frame_ids == {'left': 'optical_2'}
    assert activity.gap_ns is None
    record.hear('right', 2_400_000, 'optical')
    assert record.now().gap_ns == 400_000


def test_missing_stamps_are_no_gap(clocked):
    _, record = clocked
    record.hear('left', 0, 'optical')
    record.hear('right', 5_000_000_000, 'optical')
    assert record.now().gap_ns is None


def test_a_finished_frame_settles_what_was_refused_before(clocked):
    now, record = clocked
    for _ in range(3):
        record.refuse(RefusedInputError('no_pose', '/left', 'no odometry'))
    activity = record.now()
    assert activity.refused == 3 and str(activity.refusal) == 'no odometry'
    record.begin()
    assert record.now().computing_since_s == 100.0
    now[0] = 101.0
    record.finish()
    record.end()
    activity = record.now()
    assert (activity.refused, activity.refusal, activity.computing_since_s) == (0, None, None)
    assert activity.finished_s == 101.0


def test_a_refusal_keeps_nothing_alive(clocked):
    class Network:
        pass

    def refuse():
        network = Network()
        try:
            raise RefusedInputError('estimator_failed', 'x', 'boom')
        except RefusedInputError as refusal:
            clocked[1].refuse(refusal)
        return weakref.ref(network)

    reference = refuse()
    gc.collect()
    assert reference() is None and clocked[1].now().refusal is not None


def test_clearing_forgets_all_but_the_last_frame(clocked):
    _, record = clocked
    record.hear('left', 1, 'a')
    record.finish()
    record.refuse(RefusedInputError('no_pose', '/left', 'x'))
    record.clear()
    activity = record.now()
    assert (activity.heard_s, activity.frame_ids, activity.refusal) == ({}, {}, None)
    assert activity.finished_s == 100.0
