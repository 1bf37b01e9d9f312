"""Tests of scores counted frame by frame."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.metrics import BenchmarkCounts, ScoredRegion, sketch_region

CLASSES = 4


def random_frame(seed: int, voxels: int = 60) -> tuple[np.ndarray, ScoredRegion]:
    rng = np.random.default_rng(seed)
    target = rng.choice([0, 1, 2, 3, 255], voxels)
    region = sketch_region(
        target, rng.integers(0, 2, voxels), rng.choice([7, 9], voxels), no_pixel=9)
    return rng.integers(0, CLASSES, voxels), region


def counted(seeds: list[int]) -> BenchmarkCounts:
    counts = BenchmarkCounts(CLASSES)
    for seed in seeds:
        counts.add(seed, *random_frame(seed))
    return counts


def filled(name: str, count: int) -> np.ndarray:
    """Return the reproducible values in [-0.5, 0.5) that the reference figures were made of."""
    x = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(2654435761)
         + np.uint64(zlib.crc32(name.encode()) % 10007 * 40503)) & np.uint64(0xFFFFFFFF)
    x = (x ^ (x >> np.uint64(16))) * np.uint64(2246822519) & np.uint64(0xFFFFFFFF)
    return (x ^ (x >> np.uint64(13))).astype(np.float64) / 2**32 - 0.5


def test_hand_counted_frame_gives_the_hand_computed_scores() -> None:
    #                          hidden          hidden  seen  no weight
    target = np.array([0, 1, 2, 3, 255, 0, 1, 1])
    prediction = np.array([1, 1, 1, 0, 1, 0, 1, 0])
    region = sketch_region(target, [1, 1, 1, 1, 1, 1, 1, 0], [9, 9, 9, 9, 9, 9, 5, 9], no_pixel=9)
    counts = BenchmarkCounts(CLASSES)
    counts.add('0001', prediction, region)
    scores = counts.scores()
    # Hidden: empty seen as 1 and as empty; 1, 2 found occupied, 3 missed.
    assert (scores.sc_precision, scores.sc_recall, scores.sc_iou) == (2 / 3, 2 / 3, 0.5)
    assert scores.class_iou == (1 / 3, 2 / 4, 0, 0)
    assert scores.ssc_miou == pytest.approx(1 / 6)
    assert counts.num_voxels == (6, 5)


def test_reference_volume_gives_the_reference_scores() -> None:
    voxels = 60 * 36 * 60
    prediction = np.floor((filled('mp', voxels) + 0.5) * 12).astype(int)
    target = np.floor((filled('ml', voxels) + 0.5) * 13).astype(int)
    target[target == 12] = 255
    visible = filled('mv', voxels) > 0.4
    counts = BenchmarkCounts(12)
    counts.add(0, prediction, sketch_region(
        target, filled('mw', voxels) > 0, np.where(visible, 1, 307200)))
    scores = counts.scores()
    assert counts.num_voxels == (59_949, 54_079)
    assert np.round(100 * np.array(scores.class_iou), 4).tolist() == [
        4.5931, 4.3661, 4.3981, 4.2712, 4.1753, 4.5002, 4.2222, 3.9544, 4.0663, 4.5554, 4.4938,
        4.1824]
    assert 100 * scores.ssc_miou == pytest.approx(4.28958, abs=5e-6)
    assert [100 * scores.sc_iou, 100 * scores.sc_precision, 100 * scores.sc_recall] == (
        pytest.approx([84.7965, 91.6952, 91.8506], abs=5e-5))


@given(st.lists(st.integers(0, 30), unique=True, max_size=8), st.integers(0, 8))
def test_workers_merge_into_the_counts_of_one(seeds: list[int], cut: int) -> None:
    # Distributed samplers repeat frames to give every worker as many: those count once.
    merged = counted(seeds[:cut + 1]) + counted(seeds[cut:])
    assert merged.scores() == counted(seeds).scores()
    assert merged.num_voxels == counted(seeds).num_voxels


def test_a_frame_with_two_different_results_is_refused() -> None:
    counts = BenchmarkCounts(CLASSES)
    prediction, region = random_frame(1)
    counts.add('0001', prediction, region)
    with pytest.raises(DataError, match='frame 0001 was counted before'):
        counts.add('0001', (prediction + 1) % CLASSES, region)


def test_counts_travel_through_a_file_without_pickle(tmp_path: Path) -> None:
    counts = counted([1, 2, 3])
    np.savez(tmp_path / 'counts.npz', **counts.to_arrays())
    with np.load(tmp_path / 'counts.npz', allow_pickle=False) as arrays:
        restored = BenchmarkCounts.from_arrays(arrays)
    assert restored.frame_ids == ('1', '2', '3')
    assert restored.scores() == counts.scores()


WORKER = """
import sys
import numpy as np
from ssc_ros.metrics import BenchmarkCounts, sketch_region

counts = BenchmarkCounts(4)
for frame in map(int, sys.argv[2:]):
    rng = np.random.default_rng(frame)
    target = rng.integers(0, 4, 50)
    region = sketch_region(target, np.ones(50), np.full(50, 9), no_pixel=9)
    counts.add(frame, rng.integers(0, 4, 50), region)
np.savez(sys.argv[1], **counts.to_arrays())
"""


def test_processes_with_a_frame_in_common_count_like_one(tmp_path: Path) -> None:
    def counted_by(name: str, *frames: int) -> BenchmarkCounts:
        path = tmp_path / f'{name}.npz'
        subprocess.run([sys.executable, '-c', WORKER, path, *map(str, frames)], check=True)
        with np.load(path, allow_pickle=False) as arrays:
            return BenchmarkCounts.from_arrays(arrays)

    merged = counted_by('rank0', 0, 2, 4) + counted_by('rank1', 1, 3, 0)
    alone = counted_by('alone', 0, 1, 2, 3, 4)
    assert merged.frame_ids == alone.frame_ids
    assert merged.scores() == alone.scores() and merged.intervals() == alone.intervals()


def test_nothing_counted_scores_zero_and_has_no_interval() -> None:
    empty = BenchmarkCounts(CLASSES)
    assert (empty.scores().sc_iou, empty.scores().ssc_miou) == (0, 0)
    with pytest.raises(DataError, match='no frame'):
        empty.intervals()


def test_sscnet_averages_frames_where_later_papers_pool_voxels() -> None:
    pooled, averaged = BenchmarkCounts(2), BenchmarkCounts(2, sc_average='frames')
    small = sketch_region([1, 1], [1, 1], [9, 9], no_pixel=9)
    large = sketch_region([1] * 6, [1] * 6, [9] * 6, no_pixel=9)
    for counts in (pooled, averaged):
        counts.add('small', [0, 0], small)
        counts.add('large', [1] * 6, large)
    assert pooled.scores().sc_recall == 0.75
    assert averaged.scores().sc_recall == 0.5
    assert averaged.scores().ssc_miou == pooled.scores().ssc_miou == 0.75


def test_intervals_are_seeded_and_hold_the_score() -> None:
    counts = counted(list(range(40)))
    first, again = counts.intervals(seed=3), counts.intervals(seed=3)
    assert first == again != counts.intervals(seed=4)
    for name, interval in first.items():
        assert interval.low < interval.score < interval.high
        assert interval.score == pytest.approx(getattr(counts.scores(), name))


def test_intervals_agree_with_scores_of_frames_drawn_one_by_one() -> None:
    counts = counted(list(range(12)))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(300):
        split = BenchmarkCounts(CLASSES)
        for place, seed in enumerate(rng.integers(0, 12, 12)):
            split.add(place, *random_frame(int(seed)))
        drawn.append(split.scores().ssc_miou)
    interval = counts.intervals()['ssc_miou']
    assert [interval.low, interval.high] == pytest.approx(
        np.percentile(drawn, [2.5, 97.5]).tolist(), abs=0.01)


def test_a_single_frame_has_no_width() -> None:
    interval = counted([5]).intervals()['sc_iou']
    assert interval.low == interval.score == interval.high


def test_equal_frames_give_the_width_that_the_binomial_law_says() -> None:
    counts = BenchmarkCounts(2)
    for frame in range(400):
        counts.add(frame, [frame % 2], sketch_region([1], [1], [9], no_pixel=9))
    interval = counts.intervals(resamples=4000)['sc_recall']
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.1)


def test_gains_are_surer_than_the_scores_they_come_from() -> None:
    better, worse = BenchmarkCounts(2), BenchmarkCounts(2)
    rng = np.random.default_rng(0)
    for frame in range(100):
        # Frames differ a lot; the better network wins the same few voxels in each of them.
        found = int(rng.integers(10, 80))
        region = sketch_region(np.ones(100), np.ones(100), np.full(100, 9), no_pixel=9)
        for counts, more in ((better, 3), (worse, 0)):
            counts.add(frame, np.arange(100) < found + more, region)
    gain = better.gains(worse)['sc_iou']
    assert gain.score == pytest.approx(0.03)
    assert gain.high - gain.low < 1e-9
    own = better.intervals()['sc_iou']
    assert own.high - own.low > 0.05
    assert worse.gains(better)['sc_iou'].score == -gain.score


def test_gains_need_the_same_frames() -> None:
    with pytest.raises(DataError, match=r'2 frames were counted on one side only, e\.g\. 2'):
        counted([1, 2]).gains(counted([1, 3]))


def test_counts_of_different_protocols_do_not_add() -> None:
    with pytest.raises(DataError, match='4 classes by frames'):
        counted([1]) + BenchmarkCounts(CLASSES, sc_average='frames')
    with pytest.raises(ConfigurationError, match='choose voxels or frames'):
        BenchmarkCounts(CLASSES, sc_average='images')  # type: ignore[arg-type]


def test_predictions_outside_the_label_space_or_of_another_size_are_refused() -> None:
    prediction, region = random_frame(1)
    with pytest.raises(DataError, match='prediction holds ids'):
        BenchmarkCounts(CLASSES).add(1, prediction + 9, region)
    with pytest.raises(DataError, match='prediction is'):
        BenchmarkCounts(CLASSES).add(1, prediction[:-1], region)


def test_torch_tensors_count_like_arrays() -> None:
    torch = pytest.importorskip('torch')
    prediction, region = random_frame(1)
    counts = BenchmarkCounts(CLASSES)
    counts.add(1, torch.from_numpy(prediction).reshape(3, 4, 5), region)
    assert counts.scores() == counted([1]).scores()
