"""The real stereo pairs become a bag like any other."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.commands.samples import REAL_POSES, write_real_bag
from ssc_ros.geometry.placement import nyu_placement


@pytest.mark.skipif(find_spec('stereodemo') is None, reason='needs the pairs of stereodemo')
def test_twelve_real_pairs_come_with_their_calibration(tmp_path: Path) -> None:
    names = write_real_bag(tmp_path / 'bag')
    assert len(names) == 12
    assert set(REAL_POSES) <= set(names)
    with BagReader(tmp_path / 'bag') as reader:
        frames = list(FrameReader(
            reader, find_frame_topics(reader), nyu_placement))
    assert len(frames) == 12
    rig = frames[0].frame.rig
    assert rig.baseline_m == pytest.approx(0.075)
    assert rig.left.fx == pytest.approx(451.034, abs=1e-3)
    assert frames[0].truth is None
    assert frames[0].frame.left.std() > 10
