"""The published totals and trivial baselines, on all 654 test frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ssc_ros.metrics import BenchmarkCounts, ScoredRegion, sketch_region

pytestmark = pytest.mark.slow

FLOOR, FURNITURE = 2, 10


class RealFrame(NamedTuple):
    """What the rules see of a frame, and the region that scores them."""

    frame_id: str
    tsdf: np.ndarray
    is_low: np.ndarray
    region: ScoredRegion


def read_frames(folder: Path) -> Iterator[RealFrame]:
    """Read with NumPy alone, so that these figures owe nothing to the reader of the data set."""
    is_low = np.broadcast_to(np.arange(36)[:, None] <= 1, (60, 36, 60)).ravel()
    for frame_id in (folder / 'test.txt').read_text().split():
        with np.load(folder / 'TSDF' / f'{frame_id}.npz') as arrays:
            tsdf, weight = arrays['arr_0'], arrays['arr_1']
        with np.load(folder / 'Label' / f'{frame_id}.npz') as arrays:
            labels = arrays['arr_0']
        with np.load(folder / 'Mapping' / f'{frame_id}.npz') as arrays:
            region = sketch_region(labels, weight, arrays['arr_0'])
        yield RealFrame(frame_id, tsdf, is_low, region)


RULES = {
    'truth': lambda frame: np.where(frame.region.target == 255, 0, frame.region.target),
    'furniture': lambda frame: np.full(frame.tsdf.shape, FURNITURE),
    'floor and furniture': lambda frame: np.where(frame.is_low, FLOOR, FURNITURE),
    'not occluded': lambda frame: np.where(frame.tsdf >= -0.5, FURNITURE, 0),
    'near surface': lambda frame: np.where(frame.tsdf >= -0.95, FURNITURE, 0),
    'floor and surface': lambda frame: np.where(
        frame.is_low, FLOOR, np.where(frame.tsdf > -0.9, FURNITURE, 0)),
}


@pytest.fixture(scope='module')
def scored(shared_data: Path) -> dict[str, BenchmarkCounts]:
    folder = shared_data / 'nyu'
    if not (folder / 'test.txt').is_file():
        pytest.skip(f'no NYUv2 at {folder}')
    counts = {rule: BenchmarkCounts(12) for rule in RULES}
    for frame in read_frames(folder):
        for rule, predict in RULES.items():
            counts[rule].add(frame.frame_id, predict(frame), frame.region)
    return counts


def test_all_frames_and_voxels_of_the_protocol_are_counted(
    scored: dict[str, BenchmarkCounts],
) -> None:
    assert len(scored['truth'].frame_ids) == 654
    assert scored['truth'].num_voxels == (10_037_680, 8_988_710)


def test_labels_of_the_scored_voxels_are_those_of_the_protocol(
    scored: dict[str, BenchmarkCounts],
) -> None:
    arrays = scored['truth'].to_arrays()
    assert arrays['semantic'].sum(axis=0).diagonal().tolist() == [
        5_271_085, 59_482, 861_419, 765_935, 105_774, 124_349, 325_654, 320_764, 224_459, 19_979,
        1_311_487, 647_293]
    assert arrays['occluded'].sum(axis=0).diagonal().tolist() == [
        5_271_085, 42_543, 638_096, 546_127, 72_106, 95_029, 289_286, 270_493, 175_491, 16_003,
        1_101_906, 470_545]


@pytest.mark.parametrize(('rule', 'figures'), [
    ('truth', (100, 100, 100, 100)),
    ('furniture', (41.359, 100, 41.359, 1.188)),
    ('floor and furniture', (41.359, 100, 41.359, 6.535)),
    ('not occluded', (100, 46.71, 46.71, None)),
    ('near surface', (66.28, 66.38, 49.62, None)),
    ('floor and surface', (67.955, 77.912, 56.978, 7.108)),
])
def test_rules_without_learning_score_as_published_protocols_count(
    scored: dict[str, BenchmarkCounts], rule: str, figures: tuple[float | None, ...],
) -> None:
    scores = scored[rule].scores()
    measured = (scores.sc_precision, scores.sc_recall, scores.sc_iou, scores.ssc_miou)
    for value, expected in zip(measured, figures, strict=True):
        if expected is not None:
            assert 100 * value == pytest.approx(expected, abs=0.0051)


def test_floor_is_found_by_height_alone(scored: dict[str, BenchmarkCounts]) -> None:
    assert 100 * scored['floor and furniture'].scores().class_iou[FLOOR] == (
        pytest.approx(58.09, abs=0.005))


def test_the_interval_of_the_best_rule_is_narrow(scored: dict[str, BenchmarkCounts]) -> None:
    interval = scored['floor and surface'].intervals()['sc_iou']
    assert 0.01 < interval.high - interval.low < 0.03
