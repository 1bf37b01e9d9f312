"""Picture of the validation scores of a run over its steps."""

from __future__ import annotations

import csv
from pathlib import Path

from ssc_ros.errors import DataError
from training.experiment import Experiment

SCORES = {
    'val/sc_iou': 'SC IoU', 'val/ssc_miou': 'SSC mIoU', 'val/ss_miou': 'SS mIoU',
    'val/geometry_iou': 'geometry IoU', 'val/geometry_recall': 'geometry recall',
    'val/pixel_accuracy': 'PixAcc', 'val/mean_iou': 'mIoU'}
FILE = 'curves.png'


def draw_curves(experiment: Experiment) -> Path:
    """
    Draw the scores that a run has logged, in percent, to `curves.png` in its folder.

    Returns:
        The picture's path.

    Raises:
        DataError: the run has not been validated yet.
    """
    from ssc_ros.viewer.curves import curves_picture
    from ssc_ros.viewer.drawing import save_png

    scores = validation_scores(experiment.folder)
    if not scores:
        raise DataError(f'{experiment.folder} holds no validation scores: train it first')
    names = [name for name in SCORES if all(name in row for row in scores.values())]
    curves = {SCORES[name]: [100 * row[name] for row in scores.values()] for name in names}
    path = experiment.folder / FILE
    picture = curves_picture(
        curves, title=f'{experiment.system} {experiment.name}, validation', count_name='steps',
        ticks=[str(step) for step in scores])
    save_png(picture, path)
    return path


def validation_scores(folder: Path) -> dict[int, dict[str, float]]:
    """
    Return the scores after each number of steps at which a run was validated.

    A run that was continued has a log of each of its parts; later ones count.
    """
    scores: dict[int, dict[str, float]] = {}
    for log in sorted(folder.glob('csv/*/metrics.csv'), key=lambda path: path.stat().st_mtime):
        with log.open(encoding='utf-8', newline='') as file:
            for row in csv.DictReader(file):
                found = {name: float(row[name]) for name in SCORES if row.get(name)}
                if found:
                    scores[int(row['step']) + 1] = found
    return dict(sorted(scores.items()))
