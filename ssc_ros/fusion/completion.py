"""What a network says of a map, and how answers to overlapping parts become one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError

NO_LABEL = 255


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """
    What a network says of a volume, as a map keeps it.

    Attributes:
        weight: (Y, X) float32 of the columns among answers that overlap: 1 where the network saw
            all around them, falling towards the sides of what it saw, 0 where it was not asked.
        near_surface: (Z, Y, X) bool: a distance is more than its bound.
        tsdf_voxels: (Z, Y, X) float16 distance in voxels.
        rgb: (Z, Y, X, 3) uint8.
        labels: (Z, Y, X) uint8, 255 = none.
        confidence: (Z, Y, X) float16 probability of the label.
    """

    weight: NDArray[np.float32]
    near_surface: NDArray[np.bool_]
    tsdf_voxels: NDArray[np.float16]
    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float16]

    def __post_init__(self) -> None:
        shape = self.labels.shape
        for name, expected in (('weight', shape[1:]), ('near_surface', shape),
                               ('tsdf_voxels', shape), ('rgb', (*shape, 3)),
                               ('confidence', shape)):
            if getattr(self, name).shape != expected:
                raise DataError(
                    f'{name} is {getattr(self, name).shape}, expected {expected} with labels of '
                    f'{shape}')


def blended(before: Completion, new: Completion) -> Completion:
    """
    Return what is known of a volume after another answer to it.

    The new answer counts in full where its weight is 1, and alone where nothing was known;
    between, it passes into the old one without a step. Where both only touch with their falling
    weights, as neighbouring windows do that are blended at once, the result is the weighted mean.
    """
    share = _share_of_new(before.weight, new.weight)
    is_new = share >= 0.5  # what cannot be averaged goes to who has the larger share
    chosen = {entry.name: _chosen(is_new, getattr(before, entry.name), getattr(new, entry.name))
              for entry in fields(Completion)}
    chosen['weight'] = np.maximum(before.weight, new.weight)
    is_mixed = (share > 0) & (share < 1)
    _mix(chosen, before, new, is_mixed, share[is_mixed])
    return Completion(**chosen)


def _share_of_new(before: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    share = np.zeros_like(new)
    np.divide(new, new + np.minimum(before, 1 - new), out=share, where=new > 0)
    return share


def _chosen(
    is_new: NDArray[np.bool_], before: NDArray[Any], new: NDArray[Any],
) -> NDArray[Any]:
    """Return the columns of one or the other array, (Y, X) or (Z, Y, X, ...)."""
    where = is_new[..., None] if before.ndim == 4 else is_new
    return np.where(where, new, before)


def _mix(
    chosen: dict[str, NDArray[Any]], before: Completion, new: Completion,
    columns: NDArray[np.bool_], share: NDArray[np.float32],
) -> None:
    """Average distances, colours and confidence in some columns; the likelier label wins."""
    old, latest = before.tsdf_voxels[:, columns], new.tsdf_voxels[:, columns]
    chosen['tsdf_voxels'][:, columns] = _between(old, latest, share)
    chosen['rgb'][:, columns] = np.rint(
        _between(before.rgb[:, columns], new.rgb[:, columns], share[:, None]))
    was_sure = before.confidence[:, columns] * (1 - share)
    is_sure = new.confidence[:, columns] * share
    old_labels, new_labels = before.labels[:, columns], new.labels[:, columns]
    chosen['labels'][:, columns] = np.where(is_sure >= was_sure, new_labels, old_labels)
    chosen['confidence'][:, columns] = np.where(
        old_labels == new_labels, was_sure + is_sure, np.maximum(was_sure, is_sure))


def _between(
    before: NDArray[Any], new: NDArray[Any], share: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the weighted mean; values that agree are kept exactly."""
    start = before.astype(np.float32)
    mean: NDArray[np.float32] = start + (new.astype(np.float32) - start) * share
    return mean
