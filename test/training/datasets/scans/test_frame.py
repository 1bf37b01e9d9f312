"""What scans and their frames promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.scans import ChainedScan

from .tiny import TinyScan


def test_chained_streams_count_frames_through(tiny_scan):
    chain = ChainedScan('building', [tiny_scan, TinyScan(2)])
    assert chain.frame_ids == ('0', '1', '2', '3', '4')
    frame = chain.read('4')
    assert frame.frame_id == '4'
    np.testing.assert_array_equal(frame.depth_m, tiny_scan.read('1').depth_m)
    np.testing.assert_array_equal(chain.pose('3'), tiny_scan.pose('0'))


def test_a_frame_that_is_not_there_is_named(tiny_scan):
    with pytest.raises(DataError, match='frames 0 to 2, not 7'):
        ChainedScan('building', [tiny_scan]).read('7')


def test_labels_of_another_size_are_refused(tiny_scan):
    with pytest.raises(DataError, match='same image'):
        replace(tiny_scan.read('0'), labels=np.zeros((3, 4), np.uint8))


def test_a_scan_without_frames_is_refused():
    with pytest.raises(DataError, match='no frames'):
        TinyScan(0)


def test_poses_are_given_for_every_frame(tiny_scan):
    assert list(tiny_scan.poses()) == ['0', '1', '2']
