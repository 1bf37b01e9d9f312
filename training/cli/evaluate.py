"""Score weights on a split, through the estimator that the nodes run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ssc_ros.metrics import CompletionCounts, format_scores
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.processing import OccDepthEstimator
from training.datasets.loading import open_split
from training.experiment import Experiment
from training.runs import read_checkpoint


def evaluate(
    experiment: Experiment, weights: Path, *, split: str = 'test', precision: str = 'auto',
    limit: int | None = None,
) -> dict[str, Any]:
    """
    Print the scores of a checkpoint or a bundle on a split and return them.

    They are also written to `<split>.json` in the run's folder.

    Args:
        weights: a .ckpt file or the folder of a bundle.
        limit: score only the first so many frames.
    """
    estimator = load_weights(weights, precision)
    frames = open_split(experiment, split)
    counts = CompletionCounts(len(estimator.label_space))
    network_ms = []
    for index in tqdm(range(len(frames))[:limit], desc=split, unit='frame'):
        labelled = frames[index]
        estimate = estimator(labelled.frame)
        counts.update(estimate.labels, labelled.labels)
        network_ms.append(estimate.stage_ms['network'])
    scores = counts.scores()
    print(format_scores(scores, estimator.label_space.names))
    result = {
        'experiment': experiment.name, 'reproduces': experiment.reproduces, 'split': split,
        'frames': len(network_ms), 'weights': str(weights), 'device': estimator.device,
        'network_ms_median': float(np.median(network_ms)),
        **scores.as_dict(estimator.label_space.names)}
    experiment.folder.mkdir(parents=True, exist_ok=True)
    (experiment.folder / f'{split}.json').write_text(json.dumps(result, indent=2) + '\n')
    return result


def load_weights(weights: Path, precision: str = 'auto') -> OccDepthEstimator:
    """Return an estimator with the weights of a checkpoint or a bundle."""
    if weights.suffix != '.ckpt':
        return OccDepthEstimator.from_bundle(weights, precision=precision)
    experiment, state, _ = read_checkpoint(weights)
    network = OccDepthNetwork(experiment.network)
    network.load_state_dict(state)
    return OccDepthEstimator(network, name=str(weights), precision=precision)
