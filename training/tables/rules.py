"""
Predictions without any learning: what the evaluation protocol itself gives away.

Empty voxels are scored only where the TSDF is below -0.5, occupied ones everywhere, so that a
threshold on the TSDF alone reaches a high SC IoU.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from training.datasets.nyu import NyuSample

_EMPTY, _FLOOR, _FURNITURE, _OBJECTS = 0, 2, 10, 11
_FLOOR_LAYERS = 2


def all_furniture(sample: NyuSample) -> NDArray[np.uint8]:
    """Call every voxel furniture, the most frequent class."""
    return np.full(sample.labels.shape, _FURNITURE, np.uint8)


def floor_and_furniture(sample: NyuSample) -> NDArray[np.uint8]:
    """Call the two lowest layers floor and all others furniture."""
    return _with_floor(all_furniture(sample))


def not_occluded(sample: NyuSample) -> NDArray[np.uint8]:
    """Call furniture what is not well behind a surface."""
    return np.where(sample.tsdf >= -0.5, _FURNITURE, _EMPTY).astype(np.uint8)


def near_surface(sample: NyuSample) -> NDArray[np.uint8]:
    """Call furniture what is not far behind a surface."""
    return np.where(sample.tsdf >= -0.95, _FURNITURE, _EMPTY).astype(np.uint8)


def floor_and_surface(sample: NyuSample) -> NDArray[np.uint8]:
    """Call the two lowest layers floor, and furniture what is not far behind a surface."""
    return _with_floor(np.where(sample.tsdf > -0.9, _FURNITURE, _EMPTY).astype(np.uint8))


def nearest_label(sample: NyuSample) -> NDArray[np.uint8]:
    """Give what is not far behind a surface the 2D label of the nearest visible voxel."""
    from scipy.ndimage import distance_transform_edt

    if sample.label_map13 is None:
        raise DataError(f'frame {sample.frame_id:04d} has no 2D label map: this rule needs it')
    pixels = sample.pixel_of_voxel.reshape(sample.labels.shape)
    is_visible = pixels < sample.label_map13.size
    labels = np.full(sample.labels.shape, _OBJECTS, np.uint8)
    labels[is_visible] = load_label_space('nyu12').remap(
        sample.label_map13.ravel()[pixels[is_visible]], 'nyu13')
    nearest = distance_transform_edt(
        ~(is_visible & (labels != _EMPTY)), return_distances=False, return_indices=True)
    return np.where(sample.tsdf >= -0.95, labels[tuple(nearest)], _EMPTY).astype(np.uint8)


RULES: dict[str, Callable[[NyuSample], NDArray[np.uint8]]] = {
    rule.__name__.replace('_', '-'): rule
    for rule in (all_furniture, floor_and_furniture, not_occluded, near_surface,
                 floor_and_surface, nearest_label)}


def _with_floor(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels[:, :_FLOOR_LAYERS] = _FLOOR
    return labels
