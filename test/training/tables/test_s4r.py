"""The published rows of S4R agree with themselves and with the experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import find_protocol
from ssc_ros.models.s4r.presets import load_preset
from training.cli.tables import print_tables
from training.experiment import load_experiment
from training.tables.published import EXPERIMENTS_FOLDER, experiments_by_row, read_tables

TABLES = {table['id']: table for table in read_tables('s4r')}
ROWS: dict[str, dict[str, Any]] = {
    row['id']: row for table in TABLES.values() for row in table['rows']}
MEASURABLE = {ident: row for ident, row in ROWS.items()
              if row['configuration'] and 'same_as' not in row}
BUDGETS = sorted(path.stem for path in (EXPERIMENTS_FOLDER / 's4r').glob('budget_*.yaml'))


def test_every_row_has_an_id_of_its_own() -> None:
    assert len(ROWS) == sum(len(table['rows']) for table in TABLES.values())


def test_every_published_row_is_there() -> None:
    figures = {name: sum(any(key in row for key in ('macc', 'recall')) for row in table['rows'])
               for name, table in TABLES.items()}
    assert {name.removeprefix('s4r-'): count for name, count in figures.items() if count} == {
        'mp3d': 3, 'scannet': 3, 'geometry': 4, 'partial': 4, 'complete': 5, 'ablation': 6}


def test_the_gains_are_those_of_the_text() -> None:
    image_labels, full = ROWS['s4r-ablation/image-labels'], ROWS['s4r-mp3d/full']
    assert image_labels['macc'] - full['macc'] == pytest.approx(9.5)
    assert image_labels['miou'] - full['miou'] == pytest.approx(7.1)


def test_rows_that_stand_in_several_tables_say_the_same() -> None:
    for row in ROWS.values():
        if 'same_as' in row:
            other = ROWS[row['same_as']]
            assert 'same_as' not in other and row['configuration'] == other['configuration']
            if row.get('protocol') == other.get('protocol') and 'miou' in row:
                assert row['miou'] == other['miou']
        assert find_protocol(row.get('protocol', 'partial_to_full'))


def test_every_row_that_can_be_measured_has_one_experiment() -> None:
    found = {row: names for row, names in experiments_by_row().items() if row in ROWS}
    assert set(found) == set(MEASURABLE)
    assert all(len(names) == 1 for names in found.values())


@pytest.mark.parametrize('ident', sorted(MEASURABLE))
def test_experiments_switch_what_their_row_says(ident: str) -> None:
    switches = dict(MEASURABLE[ident]['configuration'])
    name, = experiments_by_row()[ident]
    experiment = load_experiment(EXPERIMENTS_FOLDER / name)
    data, losses = experiment.data, experiment.losses
    if 'rule' not in switches:
        assert experiment.network == load_preset(switches['preset'])
    assert {'synthetic': 'scans'}.get(switches['data'], switches['data']) in data.root
    assert ('drop' in switches) == ('drop' in data.root)
    assert losses.supervision == switches.get('supervision', 'views')
    assert data.image_labels == switches.get('image_labels', 'pseudo')
    assert data.virtual_views == switches.get('virtual_views', 1)
    assert data.wrong_labels == switches.get('wrong_labels', 0)
    assert data.reads == switches.get('reads', 'incomplete')
    assert losses.rendering == switches.get('rendering', 's4r')
    assert len(load_label_space(experiment.network.label_space)) == experiment.network.num_classes


def test_defaults_are_the_recipe() -> None:
    experiment = load_experiment(EXPERIMENTS_FOLDER / 's4r' / 's4r.yaml')
    recipe, losses = experiment.optimization, experiment.losses
    assert (recipe.epochs, recipe.learning_rate, recipe.weight_decay) == (5, 1e-4, 0)
    assert (recipe.milestones, recipe.decay, recipe.gradient_clip) == ((0.8,), 0.1, 1.0)
    assert (experiment.data.batch_size, experiment.data.view_size) == (8, (256, 320))
    assert (losses.depth, losses.color, losses.labels, losses.virtual_labels) == (1, 1, 1, 1)
    assert losses.distance == 0.1


def test_budgets_are_equal() -> None:
    runs = [load_experiment(EXPERIMENTS_FOLDER / 's4r' / f'{name}.yaml') for name in BUDGETS]
    assert len(runs) == 8
    assert len({(run.optimization, run.data.root, run.data.batch_size, run.data.train_samples,
                 run.data.views, run.data.view_size, run.run.seed) for run in runs}) == 1


def test_a_row_shows_the_scores_of_its_protocol(tmp_path: Path, capsys) -> None:
    scores = {'geometry_iou': 0.3, 'geometry_recall': 0.6, 'mean_accuracy': 0.4,
              'strict_mean_iou': 0.1, 'per_class_iou': dict.fromkeys(
                  load_label_space('matterport11').names, 0.25)}
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'test.json').write_text(json.dumps({
        'reproduces': 's4r-mp3d/full', 'scenes': 394, 'protocols': {
            'partial_to_full': {**scores, 'mean_iou': 0.2},
            'partial_to_partial': {**scores, 'mean_iou': 0.27}}}))
    print_tables('s4r', tmp_path, classes=True)
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.startswith('S4R (self-sup')]
    completion, geometry, partial, complete = (
        next(row for row in rows if figure in row)
        for figure in ('21.50', '63.00', '26.20', '20.40'))
    assert completion[-6:] == ['35.30', '40.00', '21.50', '20.00', '10.00', '394']
    assert geometry[5:9] == ['63.00', '60.00', '34.00', '30.00']
    assert partial[-4:] == ['26.20', '27.00', '10.00', '394']
    assert '27.00' not in complete and complete[-3] == '-'
    assert f'Not run: {len(MEASURABLE) - 1} rows' in '\n'.join(lines)
    assert any(line.split()[-11:] == ['25.00'] * 11 for line in lines)
