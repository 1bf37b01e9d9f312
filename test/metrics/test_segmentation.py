"""Tests of the scores of label images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.metrics import SegmentationCounts, format_segmentation

CLASSES = 3
# Two images with unlabelled pixels; class 3 is missed entirely in the second.
FIRST = ([1, 1, 2, 2, 1, 3], [1, 1, 1, 2, 0, 3])
SECOND = ([1, 1, 2, 2, 1, 1], [1, 3, 2, 2, 2, 0])


def counted(*images: tuple[list[int], list[int]]) -> SegmentationCounts:
    counts = SegmentationCounts(CLASSES)
    for index, (prediction, target) in enumerate(images):
        counts.add(index, prediction, target)
    return counts


def random_counts(seeds: list[int]) -> SegmentationCounts:
    counts = SegmentationCounts(CLASSES)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        counts.add(seed, rng.integers(1, 4, (4, 5)), rng.integers(0, 4, (4, 5)))
    return counts


def test_the_toy_gives_the_standard_scores_computed_by_hand() -> None:
    # Truth, hits, predicted: class 1: 4, 3, 5; class 2: 4, 3, 4; class 3: 2, 1, 1.
    scores = counted(FIRST, SECOND).scores()
    assert scores.pixel_accuracy == pytest.approx(7 / 10)
    assert scores.class_accuracy == pytest.approx((3 / 4, 3 / 4, 1 / 2))
    assert scores.class_iou == pytest.approx((3 / 6, 3 / 5, 1 / 2))
    assert scores.mean_accuracy == pytest.approx(2 / 3)
    assert scores.mean_iou == pytest.approx((0.5 + 0.6 + 0.5) / 3)


def test_the_toy_gives_the_release_scores_computed_by_hand() -> None:
    scores = counted(FIRST, SECOND).release_scores()
    assert scores.pixel_accuracy == pytest.approx(7 / 10)
    # Recalls: 2/3, 1, 1 in the first image; 1, 2/3, 0 in the second.
    assert scores.mean_accuracy == pytest.approx((8 / 9 + 5 / 9) / 2)
    # The prediction of class 1 on the unlabelled pixel counts: 2/4 in the first, 1/4 in the
    # second; class 2: 1/2 and 2/3; class 3: 1, and 0, which is dropped.
    assert scores.class_iou == pytest.approx((3 / 8, 7 / 12, 1.0))
    assert scores.mean_iou == pytest.approx((3 / 8 + 7 / 12 + 1) / 3)


def test_predictions_on_unlabelled_pixels_matter_to_the_release_alone() -> None:
    quiet, loud = counted(([1, 2], [1, 0])), counted(([1, 1], [1, 0]))
    assert quiet.scores().mean_iou == loud.scores().mean_iou == 1
    assert quiet.release_scores().class_iou[0] == 1
    assert loud.release_scores().class_iou[0] == 0.5


def test_classes_without_a_pixel_are_left_out_of_the_standard_means() -> None:
    scores = counted(([1, 1, 2], [1, 1, 1])).scores()
    assert scores.mean_iou == scores.class_iou[0] == pytest.approx(2 / 3)
    assert math.isnan(scores.class_iou[1])
    assert scores.as_dict(['a', 'b', 'c'])['per_class_iou'] == {
        'a': pytest.approx(2 / 3), 'b': None, 'c': None}


def test_a_prediction_of_nothing_is_wrong() -> None:
    scores = counted(([0, 1], [1, 1])).scores()
    assert scores.pixel_accuracy == scores.class_iou[0] == 0.5


def test_nothing_counted_scores_nothing() -> None:
    empty = SegmentationCounts(CLASSES)
    assert empty.scores().mean_iou == empty.release_scores().mean_iou == 0
    with pytest.raises(DataError, match='no image has been counted'):
        empty.intervals()


@given(st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=8), st.integers(0, 8))
def test_workers_merge_into_the_counts_of_one(seeds: list[int], cut: int) -> None:
    together = random_counts(seeds)
    merged = random_counts(seeds[:cut + 1]) + random_counts(seeds[cut:])
    assert merged.frame_ids == together.frame_ids
    assert np.array_equal(merged.confusion, together.confusion)
    again = SegmentationCounts.from_arrays(together.to_arrays())
    assert np.array_equal(again.confusion, together.confusion)
    assert again.release_scores().mean_iou == together.release_scores().mean_iou


def test_intervals_hold_the_scores_and_gains_over_oneself_are_none() -> None:
    counts = random_counts(list(range(20)))
    for release in (False, True):
        scores = counts.release_scores() if release else counts.scores()
        for name, interval in counts.intervals(release=release, resamples=200).items():
            assert interval.score == getattr(scores, name)
            assert interval.low <= interval.score <= interval.high
    for gain in counts.gains(counts, resamples=50).values():
        assert (gain.score, gain.low, gain.high) == (0, 0, 0)
    with pytest.raises(DataError, match='one side only'):
        counts.gains(random_counts([1, 2]))


def test_impossible_images_are_refused_by_name() -> None:
    counts = counted(FIRST)
    with pytest.raises(DataError, match=r'image 7: target holds ids 1..255, expected 0..3'):
        counts.add(7, [1, 1], [1, 255])
    with pytest.raises(DataError, match=r'image 7: prediction holds ids -1..1'):
        counts.add(7, [1, -1], [1, 1])
    with pytest.raises(DataError, match='resize the prediction'):
        counts.add(7, [1], [1, 1])
    with pytest.raises(DataError, match='image 0 was counted before'):
        counts.add(0, *SECOND)
    with pytest.raises(DataError, match='2 classes do not go with counts of 3'):
        counts + SegmentationCounts(2)
    with pytest.raises(DataError, match=r'expected 1\.\.254'):
        SegmentationCounts(0)


def test_the_table_shows_both_ways_of_counting() -> None:
    counts = counted(FIRST, SECOND)
    text = format_segmentation(counts.scores(), counts.release_scores(), ['a', 'b', 'c'])
    assert 'mIoU       53.33    65.28' in text
    assert text.splitlines()[-1].split() == ['c', '50.00', '50.00', '50.00', '100.00']
