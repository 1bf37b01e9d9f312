"""Scene completion (SC) and semantic scene completion (SSC) scores from streamed counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError

_IOU_EPSILON = 1e-5  # in the denominator of the per-class IoU, as SSCNet's successors count it


@dataclass(frozen=True, slots=True)
class CompletionScores:
    """
    Scores of a split, each a fraction in [0, 1].

    SC treats every label above 0 as occupied. `class_iou[c]` is the SSC IoU of label id c;
    `ssc_miou` averages it over the ids 1..N-1, a class that never occurs contributing 0.
    """

    sc_precision: float
    sc_recall: float
    sc_iou: float
    class_iou: tuple[float, ...]
    ssc_miou: float

    def as_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Return plain numbers ready for JSON, with the IoU of each class under its name."""
        return {
            'sc_precision': self.sc_precision,
            'sc_recall': self.sc_recall,
            'sc_iou': self.sc_iou,
            'ssc_miou': self.ssc_miou,
            'per_class_iou': dict(zip(names[1:], self.class_iou[1:], strict=True)),
        }


class CompletionCounts:
    """
    Confusion counts of label volumes, streamed over a split.

    Row = target id, column = predicted id. Voxels whose target is `ignore_id` are never counted,
    nor are voxels outside the optional evaluation mask. Counts of several workers add up with `+`.

    >>> counts = CompletionCounts(num_classes=4)
    >>> counts.update([0, 1, 1, 0, 3, 2, 1, 0], [0, 1, 2, 3, 255, 0, 1, 1])
    >>> counts.scores().sc_iou
    0.5
    """

    def __init__(self, num_classes: int, *, ignore_id: int = 255) -> None:
        if not 2 <= num_classes <= ignore_id:
            raise DataError(
                f'num_classes is {num_classes}: expected 2..{ignore_id} '
                f'(empty plus at least one class, ids below the ignored id {ignore_id})'
            )
        self.num_classes = num_classes
        self.ignore_id = ignore_id
        self.confusion: NDArray[np.int64] = np.zeros((num_classes, num_classes), np.int64)

    def update(self, prediction: Any, target: Any, mask: Any | None = None) -> None:
        """
        Add volumes of equal shape: arrays, nested lists or torch tensors on any device.

        Args:
            prediction: label ids in 0..num_classes-1 wherever the target is counted.
            target: label ids, `ignore_id` where unknown.
            mask: optional booleans, True where the voxel takes part.

        Raises:
            DataError: if shapes differ or an id lies outside the label space.
        """
        predicted, expected = to_array(prediction), to_array(target)
        if predicted.shape != expected.shape:
            raise DataError(f'prediction is {predicted.shape} but the target is {expected.shape}')
        counted = expected != self.ignore_id
        if mask is not None:
            selected = to_array(mask)
            if selected.shape != expected.shape:
                raise DataError(f'mask is {selected.shape} but the target is {expected.shape}')
            counted &= selected.astype(bool)
        rows = self._checked_ids('target', expected[counted])
        columns = self._checked_ids('prediction', predicted[counted])
        cells = np.bincount(rows * self.num_classes + columns, minlength=self.num_classes**2)
        self.confusion += cells.reshape(self.confusion.shape)

    def reset(self) -> None:
        """Forget every count."""
        self.confusion[:] = 0

    def __add__(self, other: CompletionCounts) -> CompletionCounts:
        if (self.num_classes, self.ignore_id) != (other.num_classes, other.ignore_id):
            raise DataError(
                f'cannot add counts of {other.num_classes} classes to counts of '
                f'{self.num_classes}: both must come from one label space'
            )
        total = CompletionCounts(self.num_classes, ignore_id=self.ignore_id)
        total.confusion = self.confusion + other.confusion
        return total

    @property
    def num_voxels(self) -> int:
        """Number of voxels counted so far."""
        return int(self.confusion.sum())

    def scores(self) -> CompletionScores:
        """Return the scores of everything counted; a ratio without any count is 0."""
        true_positives = np.diag(self.confusion)
        union = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - true_positives
        class_iou = true_positives / (union + _IOU_EPSILON)
        occupied_hits = int(self.confusion[1:, 1:].sum())
        false_alarms = int(self.confusion[0, 1:].sum())
        misses = int(self.confusion[1:, 0].sum())
        return CompletionScores(
            sc_precision=_ratio(occupied_hits, occupied_hits + false_alarms),
            sc_recall=_ratio(occupied_hits, occupied_hits + misses),
            sc_iou=_ratio(occupied_hits, occupied_hits + false_alarms + misses),
            class_iou=tuple(float(value) for value in class_iou),
            ssc_miou=float(class_iou[1:].mean()),
        )

    def _checked_ids(self, role: str, ids: NDArray[Any]) -> NDArray[np.int64]:
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < self.num_classes:
            raise DataError(
                f'{role} holds ids {int(ids.min())}..{int(ids.max())}, expected '
                f'0..{self.num_classes - 1}: remap it into the label space first'
            )
        return ids.astype(np.int64)


def to_array(values: Any) -> NDArray[Any]:
    """Return a NumPy view or copy; torch tensors are recognised without importing torch."""
    if hasattr(values, 'detach'):
        values = values.detach().cpu()
    return np.asarray(values)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
