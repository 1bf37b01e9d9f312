"""The published rows of AMMNet agree with themselves."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from training.experiment import load_experiment
from training.tables.published import EXPERIMENTS_FOLDER, experiments_by_row, papers, read_tables

TABLES = {table['id']: table for table in read_tables('ammnet')}
ROWS: dict[str, dict[str, Any]] = {
    row['id']: row for table in TABLES.values() for row in table['rows']}
ENCODERS = {'segformer_b2': 'segformer-b2', 'resnet50': 'resnet50', 'deeplab_labels': 'labels',
            'efficientnet_lite0': 'lite0'}
ROUNDED = 0.1  # class figures and their mean are both printed with one digit
# As printed, the class figures of SSCNet on NYUCAD average to 39.2, and precision and recall of
# these two methods give other IoUs.
ODD_MEANS = {'nyucad/sscnet'}
ODD_RATIOS = {'nyu/ccpnet', 'nyucad/ccpnet', 'nyu/pcanet', 'nyucad/pcanet'}


def test_every_row_has_an_id_of_its_own_below_that_of_its_table() -> None:
    assert len(ROWS) == sum(len(table['rows']) for table in TABLES.values())
    for table in TABLES.values():
        prefixes = {row['id'].split('/')[0] for row in table['rows']}
        assert prefixes == {table['id'].removesuffix('-test')}


def test_every_published_table_is_there() -> None:
    sizes = {ident: len(table['rows']) for ident, table in TABLES.items()}
    assert sizes == {
        'nyu-test': 12, 'nyucad-test': 10, 'modules': 4, 'modulations': 6, 'gradients': 3,
        'fakes': 4, 'encoders': 6, 'fusions': 6, 'regularisers': 6, 'budget': 3, 'robot': 2,
        'rules': 6}


def test_class_figures_average_to_the_published_miou() -> None:
    rows = [row for row in ROWS.values() if 'class_iou' in row]
    assert len(rows) == 22
    for row in rows:
        if row['id'] not in ODD_MEANS:
            assert sum(row['class_iou']) / 11 == pytest.approx(row['miou'], abs=ROUNDED)


def test_precision_and_recall_give_the_published_iou() -> None:
    for row in ROWS.values():
        if 'precision' in row and row['id'] not in ODD_RATIOS:
            union = 1 / row['precision'] + 1 / row['recall'] - 0.01
            assert 1 / union == pytest.approx(row['iou'], abs=0.15), row['id']


def test_rows_that_stand_in_several_tables_say_the_same() -> None:
    for row in ROWS.values():
        if 'same_as' in row:
            other = ROWS[row['same_as']]
            assert 'same_as' not in other
            keys = ('iou', 'miou', 'configuration')
            assert [row[key] for key in keys] == [other[key] for key in keys]


def test_two_rows_with_one_configuration_name_each_other() -> None:
    measured = [row for row in ROWS.values() if row['configuration'] and 'same_as' not in row
                and not row['id'].startswith('budget/')]
    configurations = [str(row['configuration']) for row in measured]
    assert len(set(configurations)) == len(configurations)


def test_the_gains_of_both_modules_are_those_of_the_paper() -> None:
    gain = {name: (ROWS[f'modules/{name}']['iou'] - 71.6, ROWS[f'modules/{name}']['miou'] - 46.1)
            for name in ('modulation', 'adversarial', 'both')}
    assert gain['modulation'] == pytest.approx((2.4, 1.3))
    assert gain['adversarial'] == pytest.approx((2.8, 1.6))
    assert gain['both'] == pytest.approx((4.0, 2.4))


def test_experiments_reproduce_rows_that_exist() -> None:
    known = {row['id'] for paper in papers() for table in read_tables(paper)
             for row in table['rows']}
    assert set(experiments_by_row()) <= known


def test_every_row_that_can_be_trained_has_one_experiment() -> None:
    trainable = {row['id'] for row in ROWS.values() if row['configuration']
                 and 'same_as' not in row and not row['id'].startswith('rules/')}
    found = {row: names for row, names in experiments_by_row().items() if row in ROWS}
    assert set(found) == trainable
    assert all(len(names) == 1 for names in found.values())


@pytest.mark.parametrize('ident', sorted(
    row['id'] for row in ROWS.values() if row['id'] in experiments_by_row()))
def test_experiments_switch_what_their_row_says(ident: str) -> None:
    switches = ROWS[ident]['configuration']
    name, = experiments_by_row()[ident]
    experiment = load_experiment(EXPERIMENTS_FOLDER / name)
    network, losses, data = experiment.network, experiment.losses, experiment.data
    fakes = switches.get('fakes')
    assert {
        'encoder': ENCODERS[switches['encoder']] if 'encoder' in switches else network.encoder,
        'fusion': switches.get('fusion', 'modulation'),
        'modulation_forward': switches.get('forward', 'modulation'),
        'modulation_gradient': switches.get('gradient', 'modulation'),
        'augmentation_3d': switches.get('augmentation_3d', 'feature'),
    }.items() <= vars_of(network).items()
    assert list(network.fusion_sites) == switches.get('modulation', [1, 2, 3])
    assert (losses.adversarial > 0) == (fakes is not None)
    assert fakes is None or set(losses.fakes) == set(fakes)
    assert losses.label_smoothing == switches.get('label_smoothing', 0.2)
    assert data.augments_images == (switches.get('augmentation_2d') != 'none')
    assert data.depth_source == ('cad' if switches.get('data') == 'nyucad' else 'kinect')
    if 'dropout' in switches:
        assert network.image_dropout == network.tsdf_dropout == network.voxel_dropout == 0


def vars_of(network: Any) -> dict[str, Any]:
    return {entry.name: getattr(network, entry.name) for entry in fields(network)}
