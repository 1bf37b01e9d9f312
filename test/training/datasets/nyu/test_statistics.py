"""Tests of the counts of whole packages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.datasets.nyu import NyuSample, NyuSamples
from training.datasets.nyu.regions import regions
from training.datasets.nyu.statistics import (
    TSDF_BINS,
    Statistics,
    collect,
    format_statistics,
    tsdf_bins,
)

GOLDEN = {
    'train': {
        'weighted': [7049946, 80205, 1072333, 907680, 116952, 180994, 436852, 282264, 255113,
                     28247, 1806927, 852366, 21907059],
        'whole': (44616281, 52395786), 'ssc': 13069879, 'sc': 11716415},
    'test': {
        'weighted': [5271085, 59482, 861419, 765935, 105774, 124349, 325654, 320764, 224459,
                     19979, 1311487, 647293, 18722957],
        'whole': (35321839, 44669966), 'ssc': 10037680, 'sc': 8988710},
}
TEST_SC = [5271085, 42543, 638096, 546127, 72106, 95029, 289286, 270493, 175491, 16003, 1101906,
           470545, 0]
# Percent of occupied visible voxels whose pixel has their class: annotated, predicted.
AGREEMENT = {'train': [83.2, 80.6], 'test': [82.7, 79.7]}
VISIBLE = {'train': (2927, 0.58), 'test': (2809, 0.57)}


def test_made_up_frames_are_counted(samples: NyuSamples) -> None:
    statistics = collect(samples)
    assert statistics.frames == 2
    assert statistics.whole.tolist() == [
        2 * count for count in (115079, 0, 3420, 4320, 0, 0, 0, 0, 690, 0, 0, 1, 6090)]
    assert (statistics.ssc_voxels, statistics.sc_voxels) == (2 * 83587, 2 * 83059)
    assert int(statistics.weighted.sum()) == 2 * 86072
    assert statistics.visible_per_frame == [1289, 1289]
    assert statistics.tsdf_sum == pytest.approx(2 * -74197.597, abs=1e-2)
    assert statistics.tsdf_abs_sum == pytest.approx(2 * 84866.287, abs=1e-2)
    assert statistics.occupied_tsdf.sum() == 2 * (3420 + 4320 + 690 + 1)


def test_the_text_names_every_class_and_total(samples: NyuSamples) -> None:
    text = format_statistics(collect(samples))
    for part in ('ceiling', 'unknown', '167,174 SSC voxels', '166,118 SC voxels', '1289'):
        assert part in text
    assert 'nan' not in format_statistics(Statistics())


def test_distances_fall_into_the_bins_their_names_say() -> None:
    values = np.array([-1, -0.9, -0.5, -0.1, -0.0, 0.1, 0.11, 0.9, 0.91], np.float32)
    assert [TSDF_BINS[index] for index in tsdf_bins(values)] == [
        '< -0.9', '[-0.9, -0.5)', '[-0.5, -0.1)', '[-0.1, 0)', '0', '(0, 0.1]', '(0.1, 0.5]',
        '(0.5, 0.9]', '> 0.9']


def agreeing_pixels(sample: NyuSample) -> list[tuple[int, int]]:
    """Count, of both label maps, occupied visible voxels of equal label, and all of them."""
    labels = sample.labels.ravel()
    seen = (sample.pixel_of_voxel != 307200) & (labels > 0) & (labels != 255)
    counts = []
    for label_map in (sample.label_map12, sample.predicted_map12):
        shown = label_map.ravel()[sample.pixel_of_voxel[seen]]
        known = (shown != 255) & (shown != 0)
        counts.append((int((shown == labels[seen])[known].sum()), int(known.sum())))
    return counts


@pytest.mark.slow
@pytest.mark.parametrize('split', ['train', 'test'])
def test_the_real_split_has_its_published_totals(real_package: Path, split: str) -> None:
    golden, (mean_visible, share) = GOLDEN[split], VISIBLE[split]
    statistics, covered, agreement = Statistics(), 0, np.zeros((2, 2), np.int64)
    for sample in NyuSamples(real_package, split, images=('label_map13', 'label_map40')):
        statistics.add(sample)
        agreement += agreeing_pixels(sample)
        named = regions(sample.labels, sample.tsdf, sample.pixel_of_voxel)
        is_occupied = (sample.labels > 0) & ~named['outside_room']
        covered += int((is_occupied & ((sample.tsdf < 0) | named['surface'])).sum())
    assert statistics.weighted.tolist() == golden['weighted']
    assert (statistics.whole[0], statistics.whole[12]) == golden['whole']
    assert np.array_equal(statistics.whole[1:12], statistics.weighted[1:12])
    assert statistics.ssc_voxels == golden['ssc']
    assert statistics.sc_voxels == golden['sc']
    assert round(float(np.mean(statistics.visible_per_frame))) == mean_visible
    seen = statistics.visible_weighted.sum() / statistics.visible.sum()
    assert seen == pytest.approx(share, abs=0.005)
    shares = agreement[:, 0] / agreement[:, 1]
    assert (100 * shares).round(1).tolist() == AGREEMENT[split]
    if split == 'test':
        assert statistics.completion.tolist() == TEST_SC
        assert min(statistics.visible_per_frame) == 245
        occupied = statistics.occupied_tsdf.sum()
        shares = np.array([statistics.occupied_tsdf[:2].sum(), covered]) / occupied
        assert (100 * shares).round(1).tolist() == [41.6, 80.9]
    else:
        assert statistics.visible.sum() == 2327252
        assert (statistics.visible[0], statistics.visible[12]) == (921171, 52617)
