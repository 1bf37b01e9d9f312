"""The published rows of GAD agree with themselves and with their experiments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssc_ros.metrics import SegmentationCounts
from ssc_ros.models.gad.presets import load_preset
from training.cli.tables import print_tables
from training.experiment import load_experiment
from training.tables.published import EXPERIMENTS_FOLDER, experiments_by_row, read_tables

TABLES = {table['id']: table for table in read_tables('gad')}
ROWS: dict[str, dict[str, Any]] = {
    row['id']: row for table in TABLES.values() for row in table['rows']}
# As printed, the class figures of FCN average to more than its mean.
ODD_MEANS = {'nyu/fcn': 34.4}


def test_every_published_table_is_there() -> None:
    sizes = {ident: len(table['rows']) for ident, table in TABLES.items()}
    assert sizes == {'nyu': 13, 'sunrgbd': 9, 'ablation': 8, 'shares': 6, 'variants': 2,
                     'gad-budget': 9, 'gad-robot': 2}
    assert len(ROWS) == sum(sizes.values())
    assert all(row['id'].startswith(f'{ident}/') for ident, table in TABLES.items()
               for row in table['rows'])


def test_class_figures_average_to_the_published_miou() -> None:
    rows = [row for row in ROWS.values() if 'class_iou' in row]
    assert len(rows) == 6
    for row in rows:
        assert len(row['class_iou']) == 40
        if None in row['class_iou']:
            # Half of the row is not legible, but its mean follows.
            missing = 40 * row['mean_iou'] - sum(filter(None, row['class_iou']))
            assert missing / 20 == pytest.approx(55.5, abs=0.1)
        else:
            assert sum(row['class_iou']) / 40 == pytest.approx(
                ODD_MEANS.get(row['id'], row['mean_iou']), abs=0.1)


def test_rows_that_stand_in_several_tables_say_the_same() -> None:
    for row in ROWS.values():
        if 'same_as' in row:
            other = ROWS[row['same_as']]
            for key in ('pixel_accuracy', 'mean_accuracy', 'mean_iou', 'configuration'):
                assert row[key] == other[key], row['id']


def test_every_configured_row_has_an_experiment_that_is_it() -> None:
    wanted = {row['id'] for row in ROWS.values() if row['configuration'] and 'same_as' not in row}
    named = {ident for ident in experiments_by_row() if any(
        name.startswith('gad/') for name in experiments_by_row()[ident])}
    assert named == wanted
    for ident in wanted:
        (name,) = experiments_by_row()[ident]
        experiment, switches = load_experiment(EXPERIMENTS_FOLDER / name), (
            ROWS[ident]['configuration'])
        if 'data' not in switches:
            assert experiment.network == load_preset(switches['preset']), ident
        assert experiment.data.depth_fraction == switches.get('depth_fraction', 1.0)
        assert experiment.losses.gamma == switches.get('gamma', 2.0)


def test_every_file_begins_with_its_own_command() -> None:
    for path in sorted((EXPERIMENTS_FOLDER / 'gad').glob('*.yaml')):
        assert f'python -m training fit training/experiments/gad/{path.name}' in path.read_text()


def test_budget_rows_differ_in_what_they_compare_alone() -> None:
    full = load_experiment(EXPERIMENTS_FOLDER / 'gad' / 'budget_full.yaml')
    for path in sorted((EXPERIMENTS_FOLDER / 'gad').glob('budget_*.yaml')):
        row = load_experiment(path)
        assert (row.optimization, row.run) == (full.optimization, full.run)
        assert row.network.encoder == full.network.encoder


def test_measured_rows_stand_beside_published_ones_in_both_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    names = [str(index) for index in range(40)]
    for row, errors in (('gad-budget/semantic', 3), ('gad-budget/full', 2)):
        counts, folder = SegmentationCounts(40), tmp_path / row.replace('/', '_')
        target = np.arange(40) % 10 + 1
        prediction = np.where(np.arange(40) < errors, 11, target)
        for frame in range(4):
            counts.add(frame, prediction, target)
        folder.mkdir()
        np.savez_compressed(folder / 'test_counts.npz', **counts.to_arrays())
        (folder / 'test.json').write_text(json.dumps({
            'reproduces': row, 'experiment': row, 'seed': 1, 'started_from': 'package',
            'split': 'test', 'images': 4, 'depth_rmse_m': 0.5, 'commit': 'abc',
            **counts.scores().as_dict(names), 'release': counts.release_scores().as_dict(names)}))
    print_tables('gad', tmp_path, classes=True)
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if re.match(r'\+ GAP \+ SPF +small ', line))
    assert '95.00' in line
    assert '0.500 m' in line
    assert 'same images: PixAcc +2.50 (+2.50 to +2.50)' in printed
    assert 'shares/20 (gad/depth_20_percent.yaml)' in printed
    assert 'Not run: 24 rows' in printed
