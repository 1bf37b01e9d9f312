"""
Scores of completed scenes on their surfaces: geometry and classes.

S4R (Huang et al., 2023) defines none of its scores; these follow the evaluation of SPSG and SG-NN,
whose volumes it uses: a surface is what lies less than a voxel from a zero of the distance, and
what nobody has seen is never scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.metrics.completion import to_array
from ssc_ros.metrics.segmentation import SegmentationCounts, SegmentationScores

SURFACE_VOXELS = 1.0
# Codes of what is known of a voxel: 0 free, 1 surface, larger ones tell of nothing.
FREE_CODE = 0
LARGEST_KNOWN_CODE = 1
IGNORE_ID = 255


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceTruth:
    """
    What a completed scene is compared with; arrays or tensors.

    Attributes:
        tsdf_voxels: (Z, Y, X) distances of the volume whose surface is scored.
        known: (Z, Y, X) uint8 codes of the complete volume, 0 = free, 1 = surface.
        labels: (Z, Y, X) uint8 ids, 255 = none; None scores geometry alone.
        inside: (Z, Y, X) bool, the room; None takes everything.
    """

    tsdf_voxels: Any
    known: Any
    labels: Any = None
    inside: Any = None


@dataclass(frozen=True, slots=True)
class GeometryScores:
    """
    Fractions in [0, 1].

    Attributes:
        iou, recall: of surface voxels, averaged over scenes that have some.
        pooled_iou, pooled_recall: of the voxels of all scenes together.
        tolerant_recall: pooled, of voxels with a predicted surface at most one voxel away.
    """

    iou: float
    recall: float
    pooled_iou: float
    pooled_recall: float
    tolerant_recall: float


class ReconstructionCounts:
    """
    Counts of completed scenes.

    Args:
        num_classes: of the label space, which has no empty class.

    >>> counts = ReconstructionCounts(2)
    >>> truth = SurfaceTruth([[[0, 0, 3]]], known=[[[1, 1, 0]]], labels=[[[0, 1, 255]]])
    >>> counts.add('room', [[[0, 3, 0]]], [[[0, 0, 1]]], truth)
    >>> counts.geometry().recall, counts.semantics().mean_accuracy
    (0.5, 0.5)
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self._geometry: dict[str, NDArray[np.int64]] = {}
        self._labels = SegmentationCounts(num_classes)
        self._strict = SegmentationCounts(num_classes)

    @property
    def scene_ids(self) -> tuple[str, ...]:
        """Scenes counted so far, sorted."""
        return tuple(sorted(self._geometry))

    def add(
        self, scene_id: str | int, tsdf_voxels: Any, labels: Any, truth: SurfaceTruth,
    ) -> None:
        """
        Count a scene.

        Args:
            scene_id: name of the scene; one that comes twice counts once.
            tsdf_voxels: (Z, Y, X) predicted distances, -inf where there is none.
            labels: (Z, Y, X) predicted ids, 255 = none; None scores geometry alone.
            truth: what the prediction is compared with.

        Raises:
            DataError: shapes differ, an id lies outside the label space, or the scene came before
                with another prediction.
        """
        predicted = np.abs(to_array(tsdf_voxels)) < SURFACE_VOXELS
        surface = np.abs(to_array(truth.tsdf_voxels)) < SURFACE_VOXELS
        scored = to_array(truth.known) <= LARGEST_KNOWN_CODE
        if truth.inside is not None:
            scored = scored & to_array(truth.inside).astype(bool)
        for name, part in (('prediction', predicted), ('mask', scored)):
            if part.shape != surface.shape:
                raise DataError(f'scene {scene_id}: the {name} is {part.shape}, but the truth is '
                                f'{surface.shape}')
        near = dilated(predicted)
        parts = (predicted & surface, predicted, surface, near & surface)
        self._put(str(scene_id), np.array([(part & scored).sum() for part in parts], np.int64))
        if labels is not None and truth.labels is not None:
            answers = _shifted(labels)
            self._add_labels(scene_id, answers, _shifted(truth.labels) * surface, near)
            # Completing what the scored volume lacks is no false alarm: the code knows better.
            is_free = scored & (to_array(truth.known) == FREE_CODE)
            self._add_false_alarms(scene_id, answers, predicted & is_free & ~surface)

    def __add__(self, other: ReconstructionCounts) -> ReconstructionCounts:
        """Join the counts of two workers; scenes that both saw must agree and count once."""
        total = ReconstructionCounts(self.num_classes)
        total._labels, total._strict = self._labels + other._labels, self._strict + other._strict
        for part in (self, other):
            for scene_id, counts in part._geometry.items():
                total._put(scene_id, counts)
        return total

    def geometry(self) -> GeometryScores:
        """Return the geometry scores of everything counted; a ratio without any count is 0."""
        rows = np.array([self._geometry[name] for name in self.scene_ids], np.float64)
        rows = rows.reshape(-1, 4)
        rows = np.vstack([rows[rows[:, 2] > 0], rows.sum(axis=0)])
        common, predicted, surface, near = rows.T
        iou = common / np.maximum(predicted + surface - common, 1)
        recall = common / np.maximum(surface, 1)
        scenes = max(len(rows) - 1, 1)
        return GeometryScores(
            iou=float(iou[:-1].sum() / scenes), recall=float(recall[:-1].sum() / scenes),
            pooled_iou=float(iou[-1]), pooled_recall=float(recall[-1]),
            tolerant_recall=float(near[-1] / max(surface[-1], 1)))

    def semantics(self, *, strict: bool = False) -> SegmentationScores:
        """
        Return scores of classes over labelled surface voxels of all scenes.

        Args:
            strict: labels count only where a surface is predicted, at most a voxel away, and
                surfaces that are predicted in free space are wrong of their class. Else, labels
                alone are compared.
        """
        return _strict_scores(self._strict.confusion) if strict else self._labels.scores()

    def _add_labels(
        self, scene_id: str | int, answers: NDArray[Any], truth: NDArray[Any],
        near: NDArray[np.bool_],
    ) -> None:
        labelled = truth > 0
        self._labels.add(scene_id, answers[labelled], truth[labelled])
        self._strict.add(f'{scene_id}/surface', (answers * near)[labelled], truth[labelled])

    def _add_false_alarms(
        self, scene_id: str | int, answers: NDArray[Any], where: NDArray[np.bool_],
    ) -> None:
        alarms = answers[where]
        self._strict.add(f'{scene_id}/beside', alarms, np.zeros_like(alarms))

    def _put(self, scene_id: str, counts: NDArray[np.int64]) -> None:
        known = self._geometry.setdefault(scene_id, counts)
        if not np.array_equal(known, counts):
            raise DataError(f'scene {scene_id} was counted before with another result: score each '
                            'scene once, by one set of weights')


def dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """
    Return a mask grown by one voxel in every direction, diagonals included.

    >>> dilated(np.array([[[True, False, False]]])).tolist()
    [[[True, True, False]]]
    """
    grown = mask.copy()
    for axis in range(mask.ndim):
        moved = np.moveaxis(grown, axis, 0)
        before = moved.copy()
        moved[1:] |= before[:-1]
        moved[:-1] |= before[1:]
    return grown


def _shifted(labels: Any) -> NDArray[np.int64]:
    """Return ids that count from 1, 0 for 255."""
    ids = to_array(labels).astype(np.int64)
    return np.where(ids == IGNORE_ID, 0, ids + 1)


def _strict_scores(confusion: NDArray[np.int64]) -> SegmentationScores:
    """Return the scores of (C + 1, C + 1) counts whose first row are false alarms."""
    hits = np.diagonal(confusion)[1:]
    truths, answers = confusion[1:].sum(axis=1), confusion[:, 1:].sum(axis=0)
    occurs = truths > 0
    accuracy = np.where(occurs, hits / np.maximum(truths, 1), np.nan)
    iou = np.where(occurs, hits / np.maximum(truths + answers - hits, 1), np.nan)
    number = max(int(occurs.sum()), 1)
    return SegmentationScores(
        pixel_accuracy=float(hits.sum() / max(int(truths.sum()), 1)),
        mean_accuracy=float(np.nansum(accuracy) / number), mean_iou=float(np.nansum(iou) / number),
        class_accuracy=tuple(accuracy.tolist()), class_iou=tuple(iou.tolist()))
