"""Label images are scored in the label space of their truth."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.bags.image_evaluation import ImageEvaluation
from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space

NYU40, NYU12 = load_label_space('nyu40'), load_label_space('nyu12')
WALL, FLOOR, BED = (NYU40.names.index(name) for name in ('wall', 'floor', 'bed'))


def truth(*names):
    return np.array([[255 if name is None else NYU12.names.index(name) for name in names]],
                    np.uint8)


def test_estimates_of_another_space_are_translated_before_they_are_counted():
    evaluation = ImageEvaluation(NYU40, NYU12)
    labels = np.array([[WALL, FLOOR, BED, 255, WALL]], np.uint8)
    evaluation.add(labels, truth('wall', 'floor', 'floor', 'bed', None))
    scores = evaluation.as_dict()
    assert scores['pixel_accuracy'] == 0.5  # of four labelled pixels; no label is a wrong one
    assert scores['per_class_iou']['floor'] == 0.5 and scores['per_class_iou']['sofa'] is None
    assert (scores['label_space'], scores['truth_space']) == ('nyu40', 'nyu12')
    assert evaluation.note().startswith('PixAcc 50.0')
    assert 'ceiling' in evaluation.table()


def test_counts_kept_of_single_images_add_up_to_the_same_scores():
    whole, parts = ImageEvaluation(NYU12, NYU12), ImageEvaluation(NYU12, NYU12)
    generator = np.random.default_rng(3)
    for _ in range(3):
        labels, target = generator.integers(1, 12, (2, 6, 8)).astype(np.uint8)
        parts.add_confusion(whole.add(labels, target))
    assert parts.as_dict() == whole.as_dict()
    assert parts.num_frames == 3


def test_images_of_different_sizes_are_refused():
    with pytest.raises(DataError, match='resize the prediction'):
        ImageEvaluation(NYU12, NYU12).add(np.ones((2, 2), np.uint8), np.ones((3, 2), np.uint8))
