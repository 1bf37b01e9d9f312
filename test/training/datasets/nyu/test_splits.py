"""Tests of the standard split."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from training.datasets.nyu.splits import (
    TEST_CRC,
    TEST_IDS,
    TRAIN_IDS,
    hold_out,
    ids_crc,
    is_standard,
    read_split_list,
    scene_runs,
    split_of,
)


def test_the_split_is_the_published_one() -> None:
    assert (len(TRAIN_IDS), len(TEST_IDS)) == (795, 654)
    assert ids_crc(TEST_IDS) == TEST_CRC
    assert sorted(TRAIN_IDS + TEST_IDS) == list(range(1, 1450))
    assert [split_of(frame_id) for frame_id in (1, 3)] == ['test', 'train']


def test_the_real_lists_are_the_standard_ones(real_package: Path) -> None:
    assert read_split_list(real_package / 'train.txt') == TRAIN_IDS
    assert read_split_list(real_package / 'test.txt') == TEST_IDS


def test_a_list_that_lacks_a_frame_is_not_standard() -> None:
    assert is_standard(TEST_IDS[::-1], 'test')
    assert not is_standard(TEST_IDS[1:], 'test')


@given(st.sets(st.integers(1, 300), min_size=1), st.integers(0, 100), st.integers(0, 9))
def test_no_scene_is_on_both_sides_of_a_validation_split(
    ids: set[int], count: int, seed: int,
) -> None:
    kept, held = hold_out(ids, count, seed)
    assert sorted(kept + held) == sorted(ids)
    assert len(held) <= count
    for run in scene_runs(ids):
        assert len({frame_id in set(held) for frame_id in run}) == 1


def test_a_hundred_training_frames_can_be_held_out() -> None:
    _, held = hold_out(TRAIN_IDS, 100)
    assert 90 <= len(held) <= 100
    assert hold_out(TRAIN_IDS, 100)[1] == held != hold_out(TRAIN_IDS, 100, seed=1)[1]


@pytest.mark.parametrize('text', ['', '0001\n0001\n', '0001\nfoo\n'])
def test_a_malformed_list_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'train.txt'
    path.write_text(text)
    with pytest.raises(DataError, match=r'train\.txt.*(one frame number|write each)'):
        read_split_list(path)
