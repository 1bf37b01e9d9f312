"""Tests of scoring and exporting trained weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ssc_ros.weights import read_card
from training.__main__ import main
from training.cli.evaluate import evaluate
from training.cli.export import NOT_MEASURED, export
from training.cli.fit import fit


@pytest.fixture(scope='module')
def experiment(make_experiment, tmp_path_factory: pytest.TempPathFactory):
    return make_experiment(
        tmp_path_factory.mktemp('run'), optimization={'steps': 2}, run={'validations': 2})


@pytest.fixture(scope='module')
def checkpoint(experiment) -> Path:
    return fit(experiment) / 'step-2.ckpt'


def test_the_test_runs_the_estimator_on_every_frame(experiment, checkpoint: Path, capsys) -> None:
    result = evaluate(experiment, checkpoint, precision='float32')
    assert result['frames'] == 2
    assert 'SSC mIoU' in capsys.readouterr().out
    assert json.loads((experiment.folder / 'test.json').read_text()) == result


def test_a_validation_score_is_the_one_the_training_logged(experiment, checkpoint: Path) -> None:
    result = evaluate(experiment, checkpoint, split='val', precision='float32')
    best = (experiment.folder / 'csv/from_step_0/metrics.csv').read_text().splitlines()
    header, last = best[0].split(','), best[-1].split(',')
    assert float(last[header.index('val/sc_iou')]) == pytest.approx(result['sc_iou'], abs=1e-4)


def test_an_exported_bundle_scores_like_its_checkpoint(
    experiment, checkpoint: Path, tmp_path: Path
) -> None:
    bundle = export(checkpoint, tmp_path / 'bundle')
    exact = evaluate(experiment, checkpoint, precision='float32', limit=1)
    halved = evaluate(experiment, bundle, precision='float32', limit=1)
    assert halved['sc_iou'] == pytest.approx(exact['sc_iou'], abs=5e-3)


def test_the_card_tells_what_was_measured(
    experiment, checkpoint: Path, tmp_path: Path
) -> None:
    assert NOT_MEASURED in read_card(export(checkpoint, tmp_path / 'unmeasured'))
    result = evaluate(experiment, checkpoint, limit=1)
    card = read_card(export(checkpoint, tmp_path / 'bundle', experiment.folder / 'test.json'))
    assert f'SC IoU        {100 * result["sc_iou"]:.2f}' in card
    assert 'On the 1 frames of the test split' in card
    assert '$' not in card


def test_the_command_line_walks_from_fit_to_tables(
    experiment, checkpoint: Path, capsys
) -> None:
    recipe = str(experiment.folder / 'experiment.yaml')
    assert main(['test', recipe, 'reproduces=rooms/small', '--checkpoint', str(checkpoint)]) == 0
    capsys.readouterr()
    assert main(['tables', 'occdepth', '--runs', str(experiment.folder.parent)]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if ' small ' in line)
    assert row.split()[-1] == '2'


def test_mistakes_end_with_one_line_and_status_2(capsys) -> None:
    assert main(['fit', 'nowhere.yaml']) == 2
    assert capsys.readouterr().err.startswith('error: experiment nowhere.yaml does not exist')
