"""Scores of label images against a truth that may be of another label space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels import LabelSpace
from ssc_ros.labels.numbering import class_names, to_data_set_ids, translate_labels
from ssc_ros.metrics import SegmentationCounts, format_segmentation


class ImageEvaluation:
    """
    Streamed scores of label images, in the label space of the truth.

    Args:
        label_space: of the estimates.
        truth_space: of the truth; it must have a map from the other where they differ.

    Attributes:
        num_frames: scored so far.
    """

    def __init__(self, label_space: LabelSpace, truth_space: LabelSpace) -> None:
        self.label_space = label_space
        self.truth_space = truth_space
        self.num_frames = 0
        self._names = class_names(truth_space)
        self._counts = SegmentationCounts(len(self._names))

    def add(self, labels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.int64]:
        """
        Score one image and return its confusion counts.

        Args:
            labels: (H, W) estimated ids, 255 = none.
            truth: (H, W) ids, 255 = not scored.

        Raises:
            DataError: sizes differ, or an id lies outside its label space.
        """
        counts = SegmentationCounts(len(self._names))
        translated = translate_labels(labels, self.label_space, self.truth_space)
        counts.add(0, to_data_set_ids(translated, self.truth_space),
                   to_data_set_ids(truth, self.truth_space))
        self.add_confusion(counts.confusion)
        return counts.confusion

    def add_confusion(self, confusion: NDArray[np.int64]) -> None:
        """Add the confusion counts of one image that was scored before."""
        self.num_frames += 1
        self._counts += SegmentationCounts.from_arrays({
            'frame_ids': np.array([f'{self.num_frames:09}']), 'confusions': confusion[None]})

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as fractions, ready for JSON; ``release`` as GAD's authors count."""
        return {
            'frames_scored': self.num_frames, 'label_space': self.label_space.name,
            'truth_space': self.truth_space.name,
            **self._counts.scores().as_dict(self._names),
            'release': self._counts.release_scores().as_dict(self._names)}

    def table(self) -> str:
        """Return the scores in percent as text."""
        return format_segmentation(
            self._counts.scores(), self._counts.release_scores(), self._names)

    def note(self) -> str:
        """Return the scores in a few words."""
        scores = self._counts.scores()
        return f'PixAcc {100 * scores.pixel_accuracy:.1f}  mIoU {100 * scores.mean_iou:.1f}'
