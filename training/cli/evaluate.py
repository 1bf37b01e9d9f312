"""Score weights on a split, through the estimator that the nodes run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ssc_ros.errors import ConfigurationError
from ssc_ros.metrics import BenchmarkCounts, CompletionCounts, format_scores, sketch_region
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.processing import AmmnetEstimator, prepare_arrays
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.processing import OccDepthEstimator
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.processing import S4rEstimator
from training.datasets.completion_loading import open_samples
from training.datasets.loading import open_split
from training.experiment import Experiment
from training.runs import read_checkpoint, refuse_other_network
from training.tables.measured import benchmark_result, write_result

NETWORKS = {
    'occdepth': (OccDepthNetwork, OccDepthEstimator), 'ammnet': (AmmnetNetwork, AmmnetEstimator),
    's4r': (S4rNetwork, S4rEstimator)}


def evaluate(
    experiment: Experiment, weights: Path, *, split: str = 'test', precision: str = 'auto',
    limit: int | None = None, iterations: int | None = None, every: int = 1,
) -> dict[str, Any]:
    """
    Print the scores of a checkpoint or a bundle on a split and return them.

    They are also written to `<split>.json` in the run's folder.

    Args:
        weights: a .ckpt file or the folder of a bundle.
        limit: score only the first so many frames.
        iterations: of IMENet: the last number that is scored.
        every: of IMENet: score each so many frames.

    Raises:
        ConfigurationError: the weights are of another configuration than the experiment's.
    """
    if experiment.system == 'gad':
        from training.cli.evaluate_images import evaluate_images
        return evaluate_images(experiment, weights, split=split, limit=limit)
    if experiment.system == 'imenet':
        from training.cli.evaluate_joint import evaluate_joint
        return evaluate_joint(
            experiment, weights, split=split, limit=limit, iterations=iterations,
            every=every)
    if experiment.system == 's4r':
        from training.cli.evaluate_scans import RULE, evaluate_scans
        estimator = None if str(weights).startswith(RULE) else load_weights(
            weights, precision, system='s4r')
        return evaluate_scans(experiment, weights, split=split, limit=limit, estimator=estimator)
    estimator = load_weights(weights, precision, system=experiment.system)
    refuse_other_network(experiment, estimator.config.to_dict(), str(weights))
    if experiment.system == 'ammnet':
        return _evaluate_volumes(experiment, estimator, split, limit)
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


def _evaluate_volumes(
    experiment: Experiment, estimator: AmmnetEstimator, split: str, limit: int | None,
) -> dict[str, Any]:
    """Score an estimator on the published volumes of NYUv2, in full precision of the TSDF."""
    samples = open_samples(experiment, split)
    names, config = estimator.label_space.names, estimator.config
    counts = BenchmarkCounts(config.num_classes)
    for index in tqdm(range(len(samples))[:limit], desc=split, unit='frame'):
        sample = samples[index]
        labels, _ = estimator.complete(prepare_arrays(
            config, tsdf=sample.tsdf, pixel_of_voxel=sample.pixel_of_voxel, rgb=sample.rgb,
            label_map=sample.label_map13))
        counts.add(f'{sample.frame_id:04d}', labels, sketch_region(
            sample.labels, sample.label_weight, sample.pixel_of_voxel))
    print(format_scores(counts.scores(), names))
    result = benchmark_result(
        counts, names, missing=[frame.frame_id for frame in samples.broken],
        device=estimator.device, experiment=experiment.name, reproduces=experiment.reproduces,
        split=split, seed=experiment.run.seed, weights=estimator.name)
    write_result(experiment.folder, result, counts)
    return result


def load_weights(weights: Path, precision: str = 'auto', *, system: str = 'occdepth') -> Any:
    """
    Return an estimator with the weights of a checkpoint or a bundle.

    Raises:
        ConfigurationError: a checkpoint is of another system.
    """
    make_network, make_estimator = NETWORKS[system]
    if weights.suffix != '.ckpt':
        return make_estimator.from_bundle(weights, precision=precision)
    experiment, state, _ = read_checkpoint(weights)
    if experiment.system != system:
        raise ConfigurationError(
            f'{weights} holds a network of {experiment.system}, the experiment is of {system}')
    network = make_network(experiment.network)
    network.load_state_dict(state)
    return make_estimator(network, name=str(weights), precision=precision)
