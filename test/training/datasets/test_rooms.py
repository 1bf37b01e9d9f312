"""Tests of synthetic rooms as labelled frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, StereoFrame
from training.datasets.rooms import RoomFrames


def test_rooms_come_as_stereo_pairs_with_truth(tiny_rooms: Path) -> None:
    labelled = RoomFrames(tiny_rooms, 'train')[0]
    assert isinstance(labelled.frame, StereoFrame)
    assert labelled.labels.shape == labelled.frame.placement.grid.shape
    assert labelled.depth_m is not None
    assert labelled.depth_m.shape == (1, 64, 96)


def test_one_view_comes_with_its_depth(tiny_rooms: Path) -> None:
    labelled = RoomFrames(tiny_rooms, 'train', views=1)[0]
    assert isinstance(labelled.frame, RgbdFrame)
    assert np.array_equal(labelled.frame.depth_m[None], labelled.depth_m)


def test_a_limit_takes_the_first_rooms(tiny_rooms: Path) -> None:
    rooms = RoomFrames(tiny_rooms, 'train', limit=2)
    assert [path.stem for path in rooms.paths] == ['0000000', '0000001']
    assert len(rooms[:5]) == 2


@pytest.mark.parametrize(('split', 'limit'), [('train', 4), ('holiday', None)])
def test_missing_rooms_say_how_to_make_them(tiny_rooms: Path, split: str, limit) -> None:
    with pytest.raises(DataError, match='generate them with'):
        RoomFrames(tiny_rooms, split, limit=limit)
