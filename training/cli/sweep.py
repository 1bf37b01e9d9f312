"""Scores over the rounds of a training, and over the iterations of its last network (Fig. 9)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.metrics import format_table
from ssc_ros.models.imenet.network import ImenetNetwork
from training.cli.evaluate_joint import score_joint
from training.experiment import Experiment
from training.runs import load_network
from training.systems.imenet import ROUND_FILE
from training.systems.stages import number_of_rounds

SCORES = {'SS mIoU': 'ss_miou', 'SSC mIoU': 'ssc_miou', 'SC IoU': 'sc_iou'}


def sweep(
    experiment: Experiment, *, split: str = 'test', limit: int | None = None,
) -> dict[str, Any]:
    """
    Score the network after each round of a run, with as many iterations.

    The scores are written to `sweep.json` in the run's folder and drawn in `sweep.png` and
    `sweep_iterations.png`: the second shows the network of the last round after 0 to 6 iterations.

    Raises:
        DataError: the run has kept no network after a round.
    """
    if experiment.system != 'imenet':
        raise ConfigurationError(f'{experiment.system} has no rounds to sweep over')
    rounds = range(number_of_rounds(experiment) + 1)
    files = {number: experiment.folder / ROUND_FILE.format(number) for number in rounds}
    files = {number: path for number, path in files.items() if path.is_file()}
    if not files:
        raise DataError(
            f'{experiment.folder} holds no {ROUND_FILE.format("<t>")}: train the experiment first')
    last = max(files)
    results = []
    for number, path in files.items():
        network = load_network(path, 'imenet', ImenetNetwork)
        result, _ = score_joint(
            experiment, network, split=split, limit=limit, trained=number,
            iterations=None if number == last else number)
        results.append({'round': number, **result})
    document = {'experiment': experiment.name, 'split': split, 'rounds': results}
    (experiment.folder / 'sweep.json').write_text(
        json.dumps(document, indent=2) + '\n', encoding='utf-8')
    print(format_table(['rounds', *SCORES], [
        [str(result['round']), *(_percent(result[key]) for key in SCORES.values())]
        for result in results]))
    _draw(experiment.folder, results, experiment.name)
    return document


def _draw(folder: Path, results: Sequence[Mapping[str, Any]], name: str) -> None:
    from ssc_ros.viewer.curves import curves_picture
    from ssc_ros.viewer.drawing import save_png

    for file, rows, counted in (
            ('sweep.png', results, 'rounds of training, and iterations'),
            ('sweep_iterations.png', results[-1]['iterations'],
             f'iterations of the network after round {results[-1]["round"]}')):
        curves = {score: [100 * row[key] for row in rows] for score, key in SCORES.items()
                  if rows[0][key] is not None}
        save_png(curves_picture(curves, title=name, count_name=counted), folder / file)


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.2f}'
