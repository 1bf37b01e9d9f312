"""Score networks, or nothing learned at all, on whole scenes by the protocols of S4R."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import (
    Protocol,
    ReconstructionCounts,
    SurfaceTruth,
    find_protocol,
    format_table,
)
from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS, CompletedVolume
from ssc_ros.models.s4r.processing import S4rEstimator
from ssc_ros.models.s4r.windows import Windowing
from training.datasets.chunks.scenes import ScanScene, ScanScenes, pseudo_fusion
from training.experiment import Experiment
from training.runs import refuse_other_network
from training.systems.reconstruction_scores import scores_of
from training.tables.measured import provenance

RULE = 'rule:'
# Of the first protocol: what was measured stays as it is, as on a robot that maps.
KEPT = '_observed_kept'
SCORES = {
    'geometry IoU': 'geometry_iou', 'geometry recall': 'geometry_recall',
    'recall, one voxel off': 'tolerant_recall', 'mAcc': 'mean_accuracy', 'mIoU': 'mean_iou',
    'mAcc, strict': 'strict_mean_accuracy', 'mIoU, strict': 'strict_mean_iou'}


class Answer(NamedTuple):
    """
    What is said about a volume.

    Attributes:
        tsdf_voxels: (Z, Y, X) distances.
        labels: (Z, Y, X) uint8, 255 = none; None scores geometry alone.
    """

    tsdf_voxels: NDArray[np.float32]
    labels: NDArray[np.uint8] | None


Answering = Callable[[ScanScene, SceneVolume], Answer]


def evaluate_scans(
    experiment: Experiment, weights: Path, *, split: str = 'test', limit: int | None = None,
    estimator: S4rEstimator | None = None,
) -> dict[str, Any]:
    """
    Print the scores of scenes by every protocol of the experiment and return them.

    They are also written to `<split>.json` in the run's folder.

    Args:
        weights: a .ckpt file, a bundle, or `rule:input` (the volume as it was measured) and
            `rule:pseudo-fusion` (labels by votes of the frames' pseudo labels).
        estimator: with these weights; not needed by a rule.

    Raises:
        ConfigurationError: there is no such rule, or the weights are of another configuration
            than the experiment's.
    """
    data, config = experiment.data, experiment.network
    answering = rule(str(weights), config.num_classes) if estimator is None else (
        network_answers(experiment, estimator, weights))
    protocols = [find_protocol(name) for name in data.protocols]
    kept = protocols[0].name + KEPT
    counts = {name: ReconstructionCounts(config.num_classes)
              for name in (protocols[0].name, kept, *(each.name for each in protocols[1:]))}
    scenes = ScanScenes(Path(data.root) / split)
    for index in tqdm(range(len(scenes))[:limit], desc=split, unit='scene'):
        scene = scenes[index]
        answers = {reads: answering(scene, scene.volumes[reads])
                   for reads in dict.fromkeys(protocol.reads for protocol in protocols)}
        for protocol in protocols:
            answer, truth = answers[protocol.reads], truth_of(scene, protocol)
            counts[protocol.name].add(scene.name, *answer, truth)
            if protocol is protocols[0]:
                measured = scene.volumes[protocol.reads]
                counts[kept].add(scene.name, *with_observed(answer, measured), truth)
    device = 'cpu' if estimator is None else estimator.device
    result = _result(experiment, counts, split) | {
        'weights': str(weights), 'device': device, **provenance(device)}
    print_scans(result)
    experiment.folder.mkdir(parents=True, exist_ok=True)
    (experiment.folder / f'{split}.json').write_text(
        json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return result


def truth_of(scene: ScanScene, protocol: Protocol) -> SurfaceTruth:
    """Return what a protocol compares with."""
    target = protocol.scored_on
    return SurfaceTruth(
        scene.volumes[target].tsdf_voxels, scene.known, scene.labels[target])


def with_observed(answer: Answer, measured: SceneVolume) -> Answer:
    """Return an answer whose distances are the measured ones where any are, free space too."""
    tsdf = measured.tsdf_voxels
    return answer._replace(tsdf_voxels=np.where(np.isfinite(tsdf), tsdf, answer.tsdf_voxels))


def network_answers(
    experiment: Experiment, estimator: S4rEstimator, weights: Path,
) -> Answering:
    """Return what a network says, window by window."""
    refuse_other_network(experiment, estimator.config.to_dict(), str(weights))
    estimator.windowing = Windowing(stride=experiment.data.window_stride)

    def answer(scene: ScanScene, volume: SceneVolume) -> Answer:
        return _answer(estimator(volume.network_input()), volume)
    return answer


def _answer(completed: CompletedVolume, volume: SceneVolume) -> Answer:
    """Return surfaces that are ones; without predicted geometry, those that were measured."""
    if completed.tsdf_voxels is None or completed.near_surface is None:
        return Answer(volume.tsdf_voxels, completed.labels)
    bound = np.float32(TRUNCATION_VOXELS)
    return Answer(
        np.where(completed.near_surface, completed.tsdf_voxels, bound), completed.labels)


def rule(name: str, num_classes: int) -> Answering:
    """
    Return what is said without learning.

    Raises:
        ConfigurationError: there is no such rule.
    """
    rules: dict[str, Answering] = {
        'input': lambda scene, volume: Answer(volume.tsdf_voxels, None),
        'pseudo-fusion': lambda scene, volume: Answer(
            volume.tsdf_voxels, pseudo_fusion(scene, volume, num_classes))}
    known = {RULE + key: answering for key, answering in rules.items()}
    if name not in known:
        raise ConfigurationError(f'unknown rule {name!r}: choose {", ".join(known)}')
    return known[name]


def _result(
    experiment: Experiment, counts: Mapping[str, ReconstructionCounts], split: str,
) -> dict[str, Any]:
    """Return the scores ready for JSON, those of the first protocol on top."""
    names = load_label_space(experiment.network.label_space).names
    scores = {name: scores_of(counted, names) for name, counted in counts.items()}
    first = next(iter(counts))
    scenes = counts[first].scene_ids
    return {
        'experiment': experiment.name, 'reproduces': experiment.reproduces, 'split': split,
        'seed': experiment.run.seed, 'scenes': len(scenes), 'frames': len(scenes),
        'scene_ids': list(scenes), 'protocol': first, **scores[first], 'protocols': scores}


def print_scans(result: Mapping[str, Any]) -> None:
    """Print the scores of every protocol, and the IoU of every class."""
    protocols = result['protocols']
    classes = result['per_class_iou']
    rows = [[label, *(percent(scores[key]) for scores in protocols.values())]
            for label, key in SCORES.items()]
    rows += [[name, *(percent(scores['per_class_iou'][name]) for scores in protocols.values())]
             for name in classes]
    print(format_table(['score', *protocols], rows))


def percent(value: float | None) -> str:
    """Return a fraction in percent, - where there is none."""
    return '-' if value is None else f'{100 * value:.2f}'
