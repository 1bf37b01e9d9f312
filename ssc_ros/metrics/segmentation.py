"""
Scores of label images, by the standard definition and as the authors of GAD counted.

Ids are official ones: 0 = unlabelled, 1 to C are classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.metrics.benchmark import Interval
from ssc_ros.metrics.completion import to_array

SEGMENTATION_SCORES = ('pixel_accuracy', 'mean_accuracy', 'mean_iou')
_Table = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """
    Scores of a split, each a fraction in [0, 1].

    Attributes:
        class_accuracy, class_iou: of the classes 1 to C; NaN where no pixel is of the class.
    """

    pixel_accuracy: float
    mean_accuracy: float
    mean_iou: float
    class_accuracy: tuple[float, ...]
    class_iou: tuple[float, ...]

    def as_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Return plain numbers ready for JSON, None for classes that do not occur."""
        def named(values: Sequence[float]) -> dict[str, float | None]:
            return {name: None if np.isnan(value) else value
                    for name, value in zip(names, values, strict=True)}
        return {
            **{name: getattr(self, name) for name in SEGMENTATION_SCORES},
            'per_class_accuracy': named(self.class_accuracy),
            'per_class_iou': named(self.class_iou)}


class SegmentationCounts:
    """
    Confusion counts of every image of a split, row = truth, column = prediction, 0 included.

    >>> counts = SegmentationCounts(2)
    >>> counts.add('0001', [1, 1, 2, 1], [1, 1, 2, 2])
    >>> counts.scores().pixel_accuracy, counts.scores().class_iou
    (0.75, (0.6666666666666666, 0.5))
    """

    def __init__(self, num_classes: int) -> None:
        if not 1 <= num_classes < 255:
            raise DataError(f'num_classes is {num_classes}: expected 1..254, 0 is unlabelled')
        self.num_classes = num_classes
        self._confusions: dict[str, NDArray[np.int64]] = {}

    @property
    def frame_ids(self) -> tuple[str, ...]:
        """Images counted so far, sorted."""
        return tuple(sorted(self._confusions))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(C + 1, C + 1) counts over all images."""
        total: NDArray[np.int64] = self._stack().sum(axis=0)
        return total

    def add(self, frame_id: str | int, prediction: Any, target: Any) -> None:
        """
        Count an image.

        Args:
            frame_id: name of the image; one that comes twice counts once.
            prediction, target: ids of equal shape, 0 (unlabelled) to C. A prediction of 0 on a
                labelled pixel is a wrong one.

        Raises:
            DataError: shapes differ, an id lies outside 0 to C, or the image came before with
                another prediction.
        """
        predicted, expected = to_array(prediction), to_array(target)
        if predicted.shape != expected.shape:
            raise DataError(f'image {frame_id}: prediction is {predicted.shape} but the target is '
                            f'{expected.shape}: resize the prediction to the target first')
        width = self.num_classes + 1
        rows, columns = (self._checked(frame_id, *pair) for pair in (
            ('target', expected), ('prediction', predicted)))
        cells = np.bincount((rows * width + columns).ravel(), minlength=width ** 2)
        self._put(str(frame_id), cells.reshape(width, width))

    def __add__(self, other: SegmentationCounts) -> SegmentationCounts:
        """Join the counts of two workers; images that both saw must agree and count once."""
        if self.num_classes != other.num_classes:
            raise DataError(f'counts of {other.num_classes} classes do not go with counts of '
                            f'{self.num_classes} classes')
        total = SegmentationCounts(self.num_classes)
        for part in (self, other):
            for frame_id, confusion in part._confusions.items():
                total._put(frame_id, confusion)
        return total

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return image ids (N,) and counts (N, C + 1, C + 1), for ``np.savez``."""
        return {'frame_ids': np.array(self.frame_ids, np.str_),
                'confusions': self._stack().astype(np.int32)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SegmentationCounts:
        """Return the counts that ``to_arrays`` gave away."""
        counts = cls(arrays['confusions'].shape[-1] - 1)
        for frame_id, confusion in zip(arrays['frame_ids'], arrays['confusions'], strict=True):
            counts._put(str(frame_id), confusion.astype(np.int64))
        return counts

    def scores(self) -> SegmentationScores:
        """
        Return the standard scores: pixels of all images in one table, labelled ones only.

        Classes without a labelled pixel in the split are left out of both means.
        """
        return _scores(standard_table(self._ones(), self._stack()))

    def release_scores(self) -> SegmentationScores:
        """
        Return the scores as the published evaluation code of GAD counts them.

        Accuracy and IoU are taken per image over the classes present in it; accuracies are
        averaged over images, a class's IoU over the images where it is *not zero*. False alarms
        on unlabelled pixels count. The mIoU does not compare with the standard one.
        """
        return _scores(release_table(self._ones(), self._stack()))

    def intervals(
        self, *, release: bool = False, resamples: int = 2000, level: float = 0.95, seed: int = 0,
    ) -> dict[str, Interval]:
        """Return bootstrap intervals over images (percentile method) of the three scores."""
        table = release_table if release else standard_table
        weights, stack = self._drawn_weights(resamples, seed), self._stack()
        drawn, measured = table(weights, stack), table(self._ones(), stack)
        return {name: _interval(measured[name][0], drawn[name], level)
                for name in SEGMENTATION_SCORES}

    def gains(
        self, reference: SegmentationCounts, *, resamples: int = 2000, level: float = 0.95,
        seed: int = 0,
    ) -> dict[str, Interval]:
        """
        Return by how much the standard scores exceed those of a reference on the same images.

        Raises:
            DataError: the reference has counted other images.
        """
        if reference.frame_ids != self.frame_ids:
            differing = set(self.frame_ids) ^ set(reference.frame_ids)
            raise DataError(f'{len(differing)} images were counted on one side only, e.g. '
                            f'{min(differing)}: compare runs on the same images')
        weights = self._drawn_weights(resamples, seed)
        drawn, measured = ([standard_table(rows, counts._stack()) for counts in (self, reference)]
                           for rows in (weights, self._ones()))
        return {name: _interval(
            measured[0][name][0] - measured[1][name][0], drawn[0][name] - drawn[1][name], level)
            for name in SEGMENTATION_SCORES}

    def _ones(self) -> NDArray[np.int64]:
        return np.ones((1, len(self._confusions)), np.int64)

    def _drawn_weights(self, resamples: int, seed: int) -> NDArray[np.int64]:
        images = len(self._confusions)
        if not images:
            raise DataError('no image has been counted: there is nothing to draw from')
        return np.random.default_rng(seed).multinomial(
            images, np.full(images, 1 / images), size=resamples)

    def _stack(self) -> NDArray[np.int64]:
        width = self.num_classes + 1
        return np.array([self._confusions[frame_id] for frame_id in self.frame_ids],
                        np.int64).reshape(-1, width, width)

    def _put(self, frame_id: str, confusion: NDArray[np.int64]) -> None:
        known = self._confusions.setdefault(frame_id, confusion)
        if not np.array_equal(known, confusion):
            raise DataError(f'image {frame_id} was counted before with another result: score each '
                            'image once, by one set of weights')

    def _checked(self, frame_id: str | int, role: str, ids: NDArray[Any]) -> NDArray[np.int64]:
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) <= self.num_classes:
            raise DataError(
                f'image {frame_id}: {role} holds ids {int(ids.min())}..{int(ids.max())}, expected '
                f'0..{self.num_classes}: remap it into the label space first')
        return ids.astype(np.int64)


def standard_table(weights: NDArray[Any], confusions: NDArray[np.int64]) -> _Table:
    """Return standard scores (R,) of R splits that hold image n ``weights[r, n]`` times."""
    images, width, _ = confusions.shape
    # float64 holds integers up to 2^53 exactly, far above the pixels of any split.
    flat = weights.astype(np.float64) @ confusions.reshape(images, width**2).astype(np.float64)
    labelled = flat.reshape(-1, width, width)[:, 1:]
    hits = np.diagonal(labelled[:, :, 1:], axis1=1, axis2=2)
    rows, columns = labelled.sum(axis=2), labelled[:, :, 1:].sum(axis=1)
    accuracy = _ratio(hits, rows)
    iou = np.where(rows > 0, _ratio(hits, rows + columns - hits), np.nan)
    return {
        'pixel_accuracy': hits.sum(axis=1) / np.maximum(rows.sum(axis=1), 1),
        'mean_accuracy': _mean(accuracy), 'mean_iou': _mean(iou),
        'class_accuracy': accuracy, 'class_iou': iou}


def release_table(weights: NDArray[Any], confusions: NDArray[np.int64]) -> _Table:
    """Return the release's scores (R,) of R splits that hold image n ``weights[r, n]`` times."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)[:, 1:]
    rows, columns = confusions[:, 1:].sum(axis=2), confusions[:, :, 1:].sum(axis=1)
    accuracy = _ratio(hits, rows)
    iou = np.where(rows > 0, hits / np.maximum(rows + columns - hits, 1), 0)
    drawn = np.maximum(weights.sum(axis=1), 1)
    per_class = _ratio(weights @ iou, weights @ (iou > 0))
    occurs = weights @ (rows > 0)
    return {
        'pixel_accuracy': weights @ hits.sum(axis=1) / np.maximum(weights @ rows.sum(axis=1), 1),
        'mean_accuracy': weights @ np.nan_to_num(_mean(accuracy)) / drawn,
        # A class that is never hit has no image to average over: it counts as 0.
        'mean_iou': np.nan_to_num(per_class).mean(axis=1),
        'class_accuracy': _ratio(weights @ np.nan_to_num(accuracy), occurs),
        'class_iou': np.where(occurs > 0, np.nan_to_num(per_class), np.nan)}


def _scores(table: _Table) -> SegmentationScores:
    means = {name: float(np.nan_to_num(table[name][0])) for name in SEGMENTATION_SCORES}
    return SegmentationScores(
        **means, class_accuracy=tuple(table['class_accuracy'][0].tolist()),
        class_iou=tuple(table['class_iou'][0].tolist()))


def _ratio(parts: NDArray[Any], wholes: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, NaN where there is nothing to divide by."""
    ratios: NDArray[np.float64] = np.where(wholes > 0, parts / np.maximum(wholes, 1), np.nan)
    return ratios


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average (R, C) over the classes that are not NaN; NaN where all are."""
    return _ratio(np.nansum(values, axis=1), (~np.isnan(values)).sum(axis=1))


def _interval(score: float, drawn: NDArray[np.float64], level: float) -> Interval:
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(drawn, [tail, 100 - tail])
    return Interval(float(score), float(low), float(high))
