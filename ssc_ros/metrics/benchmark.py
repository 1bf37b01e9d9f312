"""Scores of a benchmark, counted frame by frame, so that workers merge and intervals exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.metrics.completion import CompletionCounts, CompletionScores, to_array
from ssc_ros.metrics.regions import ScoredRegion

ScAverage = Literal['voxels', 'frames']
SCORES = ('sc_precision', 'sc_recall', 'sc_iou', 'ssc_miou')


@dataclass(frozen=True, slots=True)
class Interval:
    """A score, or a difference of two, and the ends of its confidence interval, as fractions."""

    score: float
    low: float
    high: float


class BenchmarkCounts:
    """
    Confusion counts of every frame of a split.

    Args:
        num_classes: of the label space, the empty one included.
        sc_average: SC precision, recall and IoU of all ``voxels`` together (3D-Sketch and later
            papers), or their averages over ``frames`` (SSCNet).

    >>> from ssc_ros.metrics.regions import sketch_region
    >>> counts = BenchmarkCounts(3)
    >>> region = sketch_region([0, 1, 2, 2], [1, 1, 1, 1], [9, 9, 9, 4], no_pixel=9)
    >>> counts.add('0001', [0, 1, 0, 2], region)
    >>> counts.scores().sc_recall, counts.scores().class_iou
    (0.5, (0.5, 1.0, 0.5))
    """

    def __init__(self, num_classes: int, *, sc_average: ScAverage = 'voxels') -> None:
        if sc_average not in ('voxels', 'frames'):
            raise ConfigurationError(f'sc_average is {sc_average!r}: choose voxels or frames')
        self.num_classes = num_classes
        self.sc_average: ScAverage = sc_average
        self._semantic: dict[str, NDArray[np.int64]] = {}
        self._occluded: dict[str, NDArray[np.int64]] = {}

    @property
    def frame_ids(self) -> tuple[str, ...]:
        """Frames counted so far, sorted."""
        return tuple(sorted(self._semantic))

    @property
    def num_voxels(self) -> tuple[int, int]:
        """Voxels counted so far by SSC and by SC."""
        return (sum(int(counts.sum()) for counts in self._semantic.values()),
                sum(int(counts.sum()) for counts in self._occluded.values()))

    def add(self, frame_id: str | int, prediction: Any, region: ScoredRegion) -> None:
        """
        Count a frame.

        Args:
            frame_id: name of the frame; one that comes twice counts once.
            prediction: label volume of any shape with as many voxels as the region.

        Raises:
            DataError: sizes differ, an id lies outside the label space, or the frame came before
                with another prediction.
        """
        labels = to_array(prediction).reshape(-1)
        confusions = []
        for mask in (region.semantic, region.occluded):
            counts = CompletionCounts(self.num_classes)
            counts.update(labels, region.target, mask)
            confusions.append(counts.confusion)
        self._put(str(frame_id), *confusions)

    def __add__(self, other: BenchmarkCounts) -> BenchmarkCounts:
        """Join the counts of two workers; frames that both saw must agree and count once."""
        self._check_kind(other)
        total = BenchmarkCounts(self.num_classes, sc_average=self.sc_average)
        for part in (self, other):
            for frame_id in part._semantic:
                total._put(frame_id, part._semantic[frame_id], part._occluded[frame_id])
        return total

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return frame ids (N,) and counts (N, C, C), for ``np.savez`` or another process."""
        return {
            'frame_ids': np.array(self.frame_ids, np.str_), 'semantic': self._stack('_semantic'),
            'occluded': self._stack('_occluded')}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], *, sc_average: ScAverage = 'voxels',
    ) -> BenchmarkCounts:
        """Return the counts that ``to_arrays`` gave away."""
        counts = cls(arrays['semantic'].shape[-1], sc_average=sc_average)
        for frame_id, *confusions in zip(
                arrays['frame_ids'], arrays['semantic'], arrays['occluded'], strict=True):
            counts._put(str(frame_id), *confusions)
        return counts

    def scores(self) -> CompletionScores:
        """Return the scores of everything counted; a ratio without any count is 0."""
        table = self._weighted(np.ones((1, len(self._semantic))))
        return CompletionScores(
            sc_precision=float(table['sc_precision'][0]), sc_recall=float(table['sc_recall'][0]),
            sc_iou=float(table['sc_iou'][0]), ssc_miou=float(table['ssc_miou'][0]),
            class_iou=tuple(float(value) for value in table['class_iou'][0]))

    def intervals(
        self, *, resamples: int = 2000, level: float = 0.95, seed: int = 0,
    ) -> dict[str, Interval]:
        """
        Return bootstrap intervals over frames (percentile method) of the SC and SSC scores.

        They answer how far the scores would move on other frames of the same kind, not on
        retraining; neighbouring frames of one scene make them somewhat too narrow.
        """
        weights = self._drawn_weights(resamples, seed)
        drawn, measured = self._weighted(weights), self._weighted(np.ones_like(weights[:1]))
        return {name: _interval(measured[name][0], drawn[name], level) for name in SCORES}

    def gains(
        self, reference: BenchmarkCounts, *, resamples: int = 2000, level: float = 0.95,
        seed: int = 0,
    ) -> dict[str, Interval]:
        """
        Return by how much the scores exceed those of a reference on the same frames.

        Both are drawn together, so that what makes a frame hard for both cancels out: far smaller
        differences can be told from chance than by two intervals of their own.

        Raises:
            DataError: the reference has counted other frames or by another protocol.
        """
        self._check_kind(reference)
        if reference.frame_ids != self.frame_ids:
            differing = set(self.frame_ids) ^ set(reference.frame_ids)
            raise DataError(
                f'{len(differing)} frames were counted on one side only, e.g. '
                f'{min(differing)}: compare runs on the same frames')
        weights = self._drawn_weights(resamples, seed)
        drawn, measured = ([counts._weighted(rows) for counts in (self, reference)]
                           for rows in (weights, np.ones_like(weights[:1])))
        return {name: _interval(
            measured[0][name][0] - measured[1][name][0], drawn[0][name] - drawn[1][name], level)
            for name in SCORES}

    def _drawn_weights(self, resamples: int, seed: int) -> NDArray[np.int64]:
        """Return how often each frame is drawn in each of the resamples, (R, N)."""
        frames = len(self._semantic)
        if not frames:
            raise DataError('no frame has been counted: there is nothing to draw from')
        return np.random.default_rng(seed).multinomial(
            frames, np.full(frames, 1 / frames), size=resamples)

    def _check_kind(self, other: BenchmarkCounts) -> None:
        if (self.num_classes, self.sc_average) != (other.num_classes, other.sc_average):
            raise DataError(
                f'counts of {other.num_classes} classes by {other.sc_average} do not go with '
                f'counts of {self.num_classes} classes by {self.sc_average}')

    def _put(
        self, frame_id: str, semantic: NDArray[np.int64], occluded: NDArray[np.int64],
    ) -> None:
        if frame_id in self._semantic and not (
                np.array_equal(self._semantic[frame_id], semantic)
                and np.array_equal(self._occluded[frame_id], occluded)):
            raise DataError(
                f'frame {frame_id} was counted before with another result: score each frame once, '
                'by one set of weights')
        self._semantic[frame_id], self._occluded[frame_id] = semantic, occluded

    def _stack(self, name: str) -> NDArray[np.int64]:
        counts: dict[str, NDArray[np.int64]] = getattr(self, name)
        shape = (len(counts), self.num_classes, self.num_classes)
        return np.array([counts[frame_id] for frame_id in self.frame_ids], np.int64).reshape(shape)

    def _weighted(self, weights: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        """Return scores (R,) of R splits that hold frame n ``weights[r, n]`` times."""
        semantic = _weighted_sum(weights, self._stack('_semantic'))
        hits = np.diagonal(semantic, axis1=1, axis2=2)
        class_iou = _ratio(hits, semantic.sum(axis=1) + semantic.sum(axis=2) - hits)
        return {**self._completion(weights), 'class_iou': class_iou,
                'ssc_miou': class_iou[:, 1:].mean(axis=1)}

    def _completion(self, weights: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        occluded = self._stack('_occluded')
        if self.sc_average == 'voxels':
            return occupancy_scores(_weighted_sum(weights, occluded))
        frames = np.maximum(weights.sum(axis=1), 1)
        return {name: (weights @ values) / frames
                for name, values in occupancy_scores(occluded).items()}


def occupancy_scores(confusions: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Return SC precision, recall and IoU (N,) of confusion counts (N, C, C), target first."""
    hits = confusions[:, 1:, 1:].sum(axis=(1, 2))
    false_alarms = confusions[:, 0, 1:].sum(axis=1)
    misses = confusions[:, 1:, 0].sum(axis=1)
    return {
        'sc_precision': _ratio(hits, hits + false_alarms),
        'sc_recall': _ratio(hits, hits + misses),
        'sc_iou': _ratio(hits, hits + false_alarms + misses)}


def _interval(score: float, drawn: NDArray[np.float64], level: float) -> Interval:
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Interval(float(score), float(low), float(high))


def _weighted_sum(weights: NDArray[Any], confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    # float64 holds integers up to 2^53 exactly, far above the voxels of any split.
    frames, classes, _ = confusions.shape
    flat = weights.astype(np.float64) @ confusions.reshape(frames, classes**2).astype(np.float64)
    return flat.reshape(len(weights), classes, classes)


def _ratio(parts: NDArray[Any], wholes: NDArray[Any]) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = parts / np.maximum(wholes, 1)
    return ratios
