"""Ids of label images as data sets count them: 0 = unlabelled, 1 to C are the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels.label_space import IGNORE_ID, LabelSpace


def class_names(space: LabelSpace) -> tuple[str, ...]:
    """
    Return the names of the classes 1 to C.

    >>> from ssc_ros.labels import load_label_space
    >>> class_names(load_label_space('nyu40'))[0], class_names(load_label_space('nyu12'))[0]
    ('wall', 'ceiling')
    """
    return space.names[_first_class(space):]


def to_data_set_ids(labels: NDArray[np.uint8], space: LabelSpace) -> NDArray[np.uint8]:
    """
    Return ids of a label space (255 = none) as data sets count them (0 = none).

    Raises:
        DataError: an id lies outside the label space.
    """
    table = np.zeros(256, np.uint8)
    first = _first_class(space)
    is_foreign = (labels >= len(space)) & (labels != IGNORE_ID)
    if is_foreign.any():
        raise DataError(
            f'id {int(labels[is_foreign].flat[0])} is outside label space {space.name!r} '
            f'(0..{len(space) - 1} and 255): check which label space the images use')
    table[first:len(space)] = np.arange(1, len(space) - first + 1)
    return table[labels]


def from_data_set_ids(ids: NDArray[np.uint8], space: LabelSpace) -> NDArray[np.uint8]:
    """
    Return ids that data sets count from 1 (0 = unlabelled) as ids of the label space.

    >>> from ssc_ros.labels import load_label_space
    >>> from_data_set_ids(np.array([0, 1], np.uint8), load_label_space('nyu40')).tolist()
    [255, 0]
    """
    table = np.full(256, IGNORE_ID, np.uint8)
    first = _first_class(space)
    table[1:len(space) - first + 1] = np.arange(first, len(space))
    return table[ids]


def translate_labels(
    labels: NDArray[np.uint8], source: LabelSpace, target: LabelSpace,
) -> NDArray[np.uint8]:
    """
    Return labels of one space as labels of another that has a map from it; 255 = none.

    Raises:
        ConfigurationError: the target has no map from the source.
    """
    if source.name == target.name:
        return labels
    return target.remap(to_data_set_ids(labels, source), source.name)


def _first_class(space: LabelSpace) -> int:
    """Return the id of class 1: voxel spaces have ``empty`` before it, image spaces nothing."""
    return 1 if space.empty_id == 0 else 0
