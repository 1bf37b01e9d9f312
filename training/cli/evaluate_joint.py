"""Score networks that label voxels and pixels, after every number of iterations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ssc_ros.labels import IGNORE_ID, load_label_space
from ssc_ros.metrics import (
    BenchmarkCounts,
    ScoredRegion,
    SegmentationCounts,
    format_scores,
    format_table,
)
from ssc_ros.models.imenet.config import MAX_ITERATIONS
from ssc_ros.models.imenet.inputs import ImenetOutput
from ssc_ros.models.imenet.loop import pick_pixels
from ssc_ros.models.imenet.network import ImenetNetwork
from training.datasets.joint.batches import JointBatch, JointDataset, join
from training.datasets.joint.frames import JointFrame
from training.datasets.joint.loading import open_frames
from training.experiment import Experiment
from training.runs import load_network, refuse_other_network
from training.systems.stages import number_of_rounds
from training.tables.measured import interval_ends, provenance, write_result

PIXEL_COUNTS_SUFFIX = '_pixel_counts.npz'
# torch convolves a single small volume of a CPU by another, ten times slower way.
BATCH = 2


class JointScoring:
    """
    Scores of voxels and pixels after 0, 1, ... iterations.

    Voxels are scored as the best of all classes, as the papers do; `robot` has those that a robot
    is told: nothing in visible free space.

    Args:
        iterations: the last one.
        trained: the one whose pixels are also scored in the size of the image.
    """

    def __init__(
        self, network: ImenetNetwork, device: str, *, iterations: int, trained: int,
    ) -> None:
        self._trained = trained
        self._network, self._device = network.to(device).eval(), device
        classes = network.config.num_classes
        self.voxels = [BenchmarkCounts(classes) for _ in range(iterations + 1)]
        self.robot = [BenchmarkCounts(classes) for _ in range(iterations + 1)]
        self.pixels = [SegmentationCounts(classes - 1) for _ in range(iterations + 1)]
        self.whole_pixels = SegmentationCounts(classes - 1)
        self._attention: list[tuple[float, float]] = []
        if network.refine3d is not None:
            network.refine3d.attention.records_statistics = True

    @torch.inference_mode()
    def add(self, frames: Sequence[JointFrame], batch: JointBatch) -> None:
        """Score some frames, also given as a batch."""
        output: ImenetOutput = self._network(
            batch.to(self._device).inputs, len(self.voxels) - 1)
        known = batch.weight & (batch.labels3d != IGNORE_ID)
        hidden = known & ~batch.is_surface
        for row, frame in enumerate(frames):
            region = ScoredRegion(*(
                part[row].flatten().numpy() for part in (batch.labels3d, known, hidden)))
            self._count(row, frame.name, output, region, batch.labels2d[row])
        last = output.iterations[self._trained].f2d
        if last is not None:
            whole = F.interpolate(last.float(), frames[0].labels2d.shape, mode='bilinear')
            for frame, labels in zip(frames, pick_pixels(whole).cpu(), strict=True):
                self.whole_pixels.add(frame.name, labels, frame.labels2d)
        self._note_attention()

    def _count(
        self, row: int, name: str, output: ImenetOutput, region: ScoredRegion, labels2d: Tensor,
    ) -> None:
        for iteration, voxels, robot, pixels in zip(
                output.iterations, self.voxels, self.robot, self.pixels, strict=True):
            if iteration.f3d is not None and iteration.labels3d is not None:
                voxels.add(name, iteration.f3d[row].argmax(dim=0).cpu(), region)
                robot.add(name, iteration.labels3d[row].cpu(), region)
            if iteration.f2d is not None and iteration.labels2d is not None:
                pixels.add(name, iteration.labels2d[row].cpu(), labels2d)

    def _note_attention(self) -> None:
        refiner = self._network.refine3d
        statistics = None if refiner is None else refiner.attention.statistics
        if statistics is not None:
            self._attention.append(
                (float(statistics.mean_diagonal), float(statistics.entropy)))

    @property
    def has_voxels(self) -> bool:
        """Whether voxels are predicted."""
        return self._network.voxel is not None

    @property
    def has_pixels(self) -> bool:
        """Whether pixels are predicted."""
        return self._network.image is not None

    def attention(self) -> dict[str, float] | None:
        """Return how attention looked in the last iteration, on average; None without it."""
        if not self._attention:
            return None
        diagonal, entropy = np.mean(self._attention, axis=0).tolist()
        return {'mean_diagonal': diagonal, 'entropy_nats': entropy}

    def at(self, iteration: int) -> dict[str, Any]:
        """Return the scores after some iterations; None where nothing is predicted."""
        names = load_label_space(self._network.config.label_space).names
        scores: dict[str, Any] = {
            'sc_precision': None, 'sc_recall': None, 'sc_iou': None, 'ssc_miou': None,
            'per_class_iou': dict.fromkeys(names[1:]), 'ss_miou': None, 'ss_image_miou': None,
            'ss_accuracy': None, 'per_class_ss': dict.fromkeys(names[1:])}
        if self.has_voxels:
            scores |= self.voxels[iteration].scores().as_dict(names)
        if self.has_pixels:
            pixels = self.pixels[iteration].scores().as_dict(names[1:])
            scores |= {
                'ss_miou': pixels['mean_iou'], 'ss_accuracy': pixels['pixel_accuracy'],
                'ss_image_miou': image_miou(self.pixels[iteration]),
                'per_class_ss': pixels['per_class_iou']}
        return scores


def image_miou(counts: SegmentationCounts) -> float:
    """Return SATNet's mIoU: of each class over the images where it occurs or is predicted."""
    confusions = counts.to_arrays()['confusions'][:, 1:].astype(np.float64)
    hits = np.diagonal(confusions[:, :, 1:], axis1=1, axis2=2)
    unions = confusions.sum(axis=2) + confusions[:, :, 1:].sum(axis=1) - hits
    occurs = (unions > 0).sum(axis=0)
    ious = (hits / np.maximum(unions, 1)).sum(axis=0)
    return float((ious[occurs > 0] / occurs[occurs > 0]).mean()) if occurs.any() else 0.0


def evaluate_joint(
    experiment: Experiment, weights: Path, *, split: str = 'test', limit: int | None = None,
    iterations: int | None = None, every: int = 1,
) -> dict[str, Any]:
    """
    Print the scores of a checkpoint or a bundle on a split and return them.

    They are also written to `<split>.json` in the run's folder, those of every number of
    iterations among them.

    Args:
        iterations, every: see `score_joint`.

    Raises:
        ConfigurationError: the weights are of another configuration than the experiment's.
    """
    network = load_network(weights, 'imenet', ImenetNetwork)
    refuse_other_network(experiment, network.config.to_dict(), str(weights))
    trained = min(number_of_rounds(experiment), network.config.iterations)
    result, scoring = score_joint(
        experiment, network, split=split, limit=limit, trained=trained, iterations=iterations,
        every=every)
    result['weights'] = str(weights)
    print_joint(result, scoring, trained)
    _write(experiment.folder, result, scoring, trained)
    return result


def score_joint(
    experiment: Experiment, network: ImenetNetwork, *, split: str, limit: int | None,
    trained: int, iterations: int | None = None, every: int = 1,
) -> tuple[dict[str, Any], JointScoring]:
    """
    Return the scores of a network on a split, ready for JSON.

    Args:
        trained: iterations whose scores are the network's.
        iterations: the last one that is scored; by default six where labels are exchanged.
        every: score each so many frames.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    config = network.config
    if iterations is None:
        iterations = MAX_ITERATIONS if config.has_dcp2d or config.has_dda else trained
    scoring = JointScoring(network, device, iterations=iterations, trained=trained)
    frames = open_frames(experiment, split)
    dataset = JointDataset(frames, experiment.network, augments=False)
    chosen = range(len(frames))[:limit:every]
    for start in tqdm(range(0, len(chosen), BATCH), desc=split, unit='batch'):
        indices = chosen[start:start + BATCH]
        batch = [frames[index] for index in indices]
        scoring.add(batch, join([*map(dataset.batch, indices, batch)]))
    result = {
        'experiment': experiment.name, 'reproduces': experiment.reproduces, 'split': split,
        'seed': experiment.run.seed, 'frames': len(chosen), 'every': every,
        'missing': frames.missing, 'trained_iterations': trained, **scoring.at(trained),
        'iterations': [scoring.at(number) for number in range(iterations + 1)],
        'attention': scoring.attention(), 'intervals': _intervals(scoring, trained),
        'device': device, **provenance(device)}
    if scoring.has_voxels:
        robot = scoring.robot[trained].scores()
        result['robot'] = {'sc_iou': robot.sc_iou, 'ssc_miou': robot.ssc_miou}
    if scoring.has_pixels:
        result['ss_whole_miou'] = scoring.whole_pixels.scores().mean_iou
    return result, scoring


def _intervals(scoring: JointScoring, trained: int) -> dict[str, list[float]]:
    intervals = interval_ends(scoring.voxels[trained]) if scoring.has_voxels else {}
    if scoring.has_pixels:
        intervals['ss_miou'] = interval_ends(scoring.pixels[trained])['mean_iou']
    return intervals


def print_joint(result: Mapping[str, Any], scoring: JointScoring, trained: int) -> None:
    """Print scores, those of all numbers of iterations, and what attention did."""
    if scoring.has_voxels:
        names = load_label_space('nyu12').names
        print(format_scores(scoring.voxels[trained].scores(), names) + '\n')
    if scoring.has_pixels:
        rows = [[name, _percent(value)] for name, value in result['per_class_ss'].items()]
        print(format_table(['pixels', 'IoU %'], [
            ['mIoU', _percent(result['ss_miou'])],
            ['mIoU, size of the image', _percent(result['ss_whole_miou'])],
            ['mIoU per image', _percent(result['ss_image_miou'])], *rows]) + '\n')
    print(format_table(['iterations', 'SS mIoU', 'SSC mIoU', 'SC IoU'], [
        [f'{number}{" *" if number == trained else ""}',
         *(_percent(scores[key]) for key in ('ss_miou', 'ssc_miou', 'sc_iou'))]
        for number, scores in enumerate(result['iterations'])]))
    attention = result['attention']
    if attention is not None:
        print(f'\nattention: mean diagonal {attention["mean_diagonal"]:.3f}, entropy '
              f'{attention["entropy_nats"]:.3f} nats; 1 and 0 mean that it does nothing')


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.2f}'


def _write(
    folder: Path, result: Mapping[str, Any], scoring: JointScoring, trained: int,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    split = result['split']
    if scoring.has_voxels:
        write_result(folder, result, scoring.voxels[trained])
    else:
        (folder / f'{split}.json').write_text(
            json.dumps(result, indent=2) + '\n', encoding='utf-8')
    if scoring.has_pixels:
        np.savez_compressed(
            folder / f'{split}{PIXEL_COUNTS_SUFFIX}', **scoring.pixels[trained].to_arrays())
