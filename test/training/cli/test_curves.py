"""The validation scores of a run as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssc_ros.errors import DataError
from training.cli.curves import draw_curves, validation_scores
from training.experiment import load_experiment

BUDGET = Path(__file__).parents[3] / 'training/experiments/ammnet/budget_baseline.yaml'
HEADER = 'step,train/total,val/sc_iou,val/ssc_miou\n'


def write_log(folder: Path, part: str, rows: str) -> None:
    (folder / 'csv' / part).mkdir(parents=True)
    (folder / 'csv' / part / 'metrics.csv').write_text(HEADER + rows)


@pytest.fixture
def experiment(tmp_path: Path):
    return load_experiment(BUDGET, [f'run.folder={tmp_path}'])


def test_scores_are_read_after_the_steps_at_which_they_were_logged(tmp_path: Path) -> None:
    write_log(tmp_path, 'from_step_0', '9,1.5,,\n199,,0.25,0.125\n209,1.2,,\n')
    write_log(tmp_path, 'from_step_200', '199,,0.5,0.25\n399,,0.75,0.5\n')
    assert validation_scores(tmp_path) == {
        200: {'val/sc_iou': 0.5, 'val/ssc_miou': 0.25},
        400: {'val/sc_iou': 0.75, 'val/ssc_miou': 0.5}}


def test_a_run_is_drawn_into_its_folder(experiment) -> None:
    write_log(experiment.folder, 'from_step_0', '199,,0.25,0.125\n399,,0.75,0.5\n')
    picture = draw_curves(experiment)
    assert picture.parent == experiment.folder and picture.read_bytes()[1:4] == b'PNG'


def test_a_run_without_validation_is_an_error(experiment) -> None:
    with pytest.raises(DataError, match='train it first'):
        draw_curves(experiment)
