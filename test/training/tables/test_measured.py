"""Tests of result files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.metrics import BenchmarkCounts, sketch_region
from training.tables import measured
from training.tables.measured import (
    benchmark_result,
    measured_rows,
    provenance,
    read_counts,
    write_result,
)

NAMES = ['empty', 'floor', 'wall']


@pytest.fixture
def counts() -> BenchmarkCounts:
    counts = BenchmarkCounts(3)
    for frame in range(4):
        target = np.random.default_rng(frame).integers(0, 3, 50)
        region = sketch_region(target, np.ones(50), np.full(50, 9), no_pixel=9)
        counts.add(frame, np.roll(target, frame), region)
    return counts


def test_a_result_holds_scores_intervals_and_where_it_comes_from(counts: BenchmarkCounts) -> None:
    result = benchmark_result(counts, NAMES, missing=[7, 3], reproduces='a/b', seed=1)
    assert result['ssc_miou'] == counts.scores().ssc_miou
    low, high = result['intervals']['sc_iou']
    assert low <= result['sc_iou'] <= high
    assert (result['frames'], result['missing'], result['seed']) == (4, [3, 7], 1)
    assert re.fullmatch(r'\d{4}-\d\d-\d\d', result['date'])
    json.dumps(result)


def test_provenance_works_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', '')
    assert provenance()['commit'] == 'unknown'


def test_a_processor_is_named_with_its_cores() -> None:
    assert re.search(r', \d+ cores?$', measured.machine())


def test_results_of_several_seeds_are_found_below_the_runs(
    tmp_path: Path, counts: BenchmarkCounts,
) -> None:
    for seed in (1, 2):
        result = benchmark_result(counts, NAMES, reproduces='a/b', split='test', seed=seed)
        write_result(tmp_path / 'group' / f'seed-{seed}', result, counts)
    found = measured_rows(tmp_path)
    assert [result['seed'] for result in found['a/b']] == [1, 2]
    restored = read_counts(found['a/b'][0], BenchmarkCounts)
    assert restored is not None and restored.scores() == counts.scores()


def test_damaged_counts_are_named_and_absent_ones_are_none(tmp_path: Path) -> None:
    result = {'folder': tmp_path, 'split': 'test'}
    assert read_counts(result, BenchmarkCounts) is None
    (tmp_path / 'test_counts.npz').write_bytes(b'PK')
    with pytest.raises(DataError, match=r'test_counts\.npz is damaged'):
        read_counts(result, BenchmarkCounts)


def test_a_result_without_a_seed_takes_that_of_its_experiment(tmp_path: Path) -> None:
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/test.json').write_text('{"reproduces": "a/b"}')
    (tmp_path / 'run/experiment.yaml').write_text('run: {seed: 42}')
    assert measured_rows(tmp_path)['a/b'][0]['seed'] == 42


@pytest.mark.parametrize('text', ['', '{"reproduces": ', '[]'])
def test_a_damaged_result_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/test.json').write_text(text)
    with pytest.raises(DataError, match=r'run/test\.json is damaged'):
        measured_rows(tmp_path)
