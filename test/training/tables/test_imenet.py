"""The published rows of IMENet agree with themselves and with the experiments."""

from __future__ import annotations

from typing import Any

import pytest

from ssc_ros.models.imenet.presets import load_preset
from training.cli.tables import print_tables
from training.experiment import load_experiment
from training.tables.published import EXPERIMENTS_FOLDER, experiments_by_row, read_tables

TABLES = {table['id']: table for table in read_tables('imenet')}
ROWS: dict[str, dict[str, Any]] = {
    row['id']: row for table in TABLES.values() for row in table['rows']}
ROUNDED = 0.1  # class figures and their mean are both printed with one digit
ODD_MEANS = {'imenet-nyu/forknet'}
TRAINED = {ident: row for ident, row in ROWS.items()
           if row['configuration'] and 'same_as' not in row}


def test_every_row_has_an_id_of_its_own_below_that_of_its_table() -> None:
    assert len(ROWS) == sum(len(table['rows']) for table in TABLES.values())
    for table in TABLES.values():
        assert {row['id'].split('/')[0] for row in table['rows']} == {table['id']}


def test_every_published_row_is_there() -> None:
    quoted = {ident: len([row for row in table['rows'] if any(
        row.get(key) is not None for key in ('iou', 'miou', 'ss'))])
        for ident, table in TABLES.items()}
    # The figure of 3DGT stands thrice: its data set and its truth are open.
    assert {name.removeprefix('imenet-'): count for name, count in quoted.items() if count} == {
        'nyucad': 12, 'nyu': 15, 'modules': 5, 'pixels': 8}


def test_class_figures_average_to_the_published_miou() -> None:
    rows = [row for row in ROWS.values() if 'class_iou' in row]
    assert len(rows) == 15
    for row in rows:
        if row['id'] not in ODD_MEANS:
            assert sum(row['class_iou']) / 11 == pytest.approx(row['miou'], abs=ROUNDED), row


def test_precision_and_recall_give_the_published_iou() -> None:
    for name in ('nyu/torchssc', 'nyu/imenet-ss', 'nyu/imenet-2dgt', 'nyucad/imenet'):
        row = ROWS[f'imenet-{name}']
        union = 1 / row['precision'] + 1 / row['recall'] - 0.01
        assert 1 / union == pytest.approx(row['iou'], abs=0.15), name


def test_the_gains_are_those_of_the_text() -> None:
    def gain(first: str, second: str, key: str) -> float:
        return ROWS[f'imenet-{first}'][key] - ROWS[f'imenet-{second}'][key]
    assert gain('nyucad/imenet', 'nyucad/sscnet', 'miou') == pytest.approx(7.5)
    assert gain('nyucad/imenet', 'nyucad/ts3d', 'miou') == pytest.approx(1.5)
    assert gain('nyu/imenet-ss', 'nyu/torchssc', 'miou') == pytest.approx(3.1)
    assert gain('nyu/imenet-ss', 'nyu/torchssc', 'iou') == pytest.approx(0.8)
    assert gain('modules/c', 'modules/b', 'ss') == pytest.approx(14.1)
    assert gain('modules/d', 'modules/b', 'miou') == pytest.approx(2.3)
    assert gain('modules/d', 'modules/b', 'iou') == pytest.approx(3.4)


def test_rows_that_stand_in_several_tables_say_the_same() -> None:
    for row in ROWS.values():
        if 'same_as' in row:
            other = ROWS[row['same_as']]
            assert 'same_as' not in other
            assert row['configuration'] == other['configuration']
            for key in ('iou', 'miou', 'ss'):
                assert None in (row.get(key), other.get(key)) or row[key] == other[key]


def test_every_row_that_can_be_trained_has_one_experiment() -> None:
    found = {row: names for row, names in experiments_by_row().items() if row in ROWS}
    assert set(found) == set(TRAINED)
    assert all(len(names) == 1 for names in found.values())


@pytest.mark.parametrize('ident', sorted(TRAINED))
def test_experiments_switch_what_their_row_says(ident: str) -> None:
    switches = TRAINED[ident]['configuration']
    name, = experiments_by_row()[ident]
    experiment = load_experiment(EXPERIMENTS_FOLDER / name)
    expected = load_preset(switches['preset'])
    changed = {key: value for key, value in experiment.network.to_dict().items()
               if value != expected.to_dict()[key]}
    assert changed == ({'iterations': switches['rounds']} if 'rounds' in switches else {})
    options, data, losses = experiment.optimization, experiment.data, experiment.losses
    assert data.depth_source == ('cad' if switches['data'] == 'nyucad' else 'kinect')
    assert data.gt2d == switches.get('gt2d', 'nyu2d')
    assert options.crossfit == switches.get('crossfit', False)
    assert options.mode == switches.get('mode', 'rounds')
    assert losses.mask3d == switches.get('mask3d', 'nonfree')
    given = switches.get('given')
    assert (experiment.network.image_network == 'none') == (given == 'labels of pixels')
    is_pixels_only = experiment.network.voxel_network == 'none'
    assert is_pixels_only == (given == 'labels of voxels' or switches['preset'] == 'rgbd')


def test_budgets_are_equal() -> None:
    runs = [load_experiment(EXPERIMENTS_FOLDER / 'imenet' / f'budget_{name}.yaml')
            for name in 'abcde']
    assert len({(run.optimization.steps, run.data.train_samples, run.data.batch_size,
                 run.run.seed, run.optimization.learning_rate) for run in runs}) == 1


def test_tables_print_what_was_not_run(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    print_tables('imenet', tmp_path, classes=True)
    shown = capsys.readouterr().out
    assert 'IMENet-2DGT' in shown and f'Not run: {len(TRAINED)} rows' in shown
    assert 'imenet/budget_e.yaml' in shown and 'pixels, published' in shown
