"""Annotated labels to network labels: 36 classes to 12, 240 cells to 60, labels to sketches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from ssc_ros.labels.label_space import IGNORE_ID

from .conventions import NUM_CLASSES, SUBDIVISION

# A voxel counts as empty when more than this share of its cells is empty or unknown.
EMPTY_SHARE = 0.95


def nyu12_from_raw(raw_labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Translate raw ids of the SSCNet release (0 to 36, 255) into 0 to 11, 255."""
    return load_label_space('nyu12').remap(raw_labels, 'nyu36')


def blocks(volume: NDArray[Any], factor: int = SUBDIVISION) -> NDArray[Any]:
    """
    Gather the cells of each coarse voxel.

    >>> blocks(np.arange(8).reshape(2, 2, 2), 2).tolist()
    [[[[0, 1, 2, 3, 4, 5, 6, 7]]]]

    Args:
        volume: (a f, b f, c f).

    Returns:
        (a, b, c, f^3), cells in C order.
    """
    if any(length % factor for length in volume.shape):
        raise DataError(f'volume {volume.shape} cannot be divided into blocks of {factor}')
    a, b, c = (length // factor for length in volume.shape)
    split = volume.reshape(a, factor, b, factor, c, factor)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(a, b, c, factor ** 3)


def pool_labels(fine_labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Vote 4 x 4 x 4 cells into one voxel by the rule of the benchmark (SSCNet, 2017).

    Where more than 95 % of the cells are empty or unknown, the most frequent id of
    0, 1, ..., 11, 255 wins, else the most frequent of 1, ..., 11; ties go to the earlier.

    Args:
        fine_labels: (4 X, 4 Y, 4 Z) uint8, 0 to 11 or 255.

    Returns:
        (X, Y, Z) uint8.
    """
    # Unknown becomes the last class, so that it also comes last in ties.
    cells = blocks(np.minimum(fine_labels, NUM_CLASSES))
    shape, ids = cells.shape[:3], NUM_CLASSES + 1
    keys = cells.reshape(-1, cells.shape[3]) + ids * np.arange(cells[..., 0].size)[:, None]
    counts = np.bincount(keys.ravel(), minlength=ids * len(keys)).reshape(-1, ids)
    is_empty = counts[:, 0] + counts[:, NUM_CLASSES] > EMPTY_SHARE * cells.shape[3]
    occupied = 1 + counts[:, 1:NUM_CLASSES].argmax(axis=1)
    winner = np.where(is_empty, counts.argmax(axis=1), occupied)
    return np.where(winner == NUM_CLASSES, IGNORE_ID, winner).astype(np.uint8).reshape(shape)


def sketch(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Return the 0/1 edges of a label volume (Chen et al., 3D-Sketch, CVPR 2020).

    Three oriented 3 x 3 x 3 derivative kernels over the ids, unknown as empty; an edge is where
    at least two respond.
    """
    values = np.where(labels == IGNORE_ID, 0, labels).astype(np.int32)
    smooth, flat, slope = (1, 2, 1), (1, 1, 1), (1, 0, -1)
    kernels = ((smooth, flat, slope), (slope, flat, smooth), (flat, slope, smooth))
    responses = sum((_correlated(values, kernel) != 0).astype(np.uint8) for kernel in kernels)
    return (np.asarray(responses) >= 2).astype(np.uint8)


def _correlated(
    values: NDArray[np.int32], kernel: tuple[tuple[int, ...], ...],
) -> NDArray[np.int32]:
    """Correlate with a separable 3 x 3 x 3 kernel, zero beyond the volume."""
    for axis, (before, here, after) in enumerate(kernel):
        padded = np.pad(values, [(1, 1) if other == axis else (0, 0) for other in range(3)])
        length = values.shape[axis]
        first, second, third = (
            np.take(padded, range(start, start + length), axis) for start in range(3))
        values = before * first + here * second + after * third
    return values
