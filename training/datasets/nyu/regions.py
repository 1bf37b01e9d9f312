"""Which voxels are learnt from, and the regions that people speak of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels.label_space import IGNORE_ID

from .conventions import GRID_SHAPE, NO_PIXEL

# Below it most of a voxel's 64 cells lie behind the measured surface.
OCCLUDED_TSDF = -0.5


def label_weight(labels: NDArray[np.uint8], tsdf: NDArray[np.float32]) -> NDArray[np.bool_]:
    """
    Return the voxels that the released packages train and score on.

    All occupied voxels, and all mostly occluded ones whatever their label. It depends on the
    truth; unknown voxels (255) must still be taken out.

    Args:
        labels: 0 to 11, 255 = unknown.
        tsdf: plain (not flipped) TSDF of the same shape.
    """
    result: NDArray[np.bool_] = (
        ((labels > 0) & (labels != IGNORE_ID)) | (tsdf < np.float32(OCCLUDED_TSDF)))
    return result


def surface(pixel_of_voxel: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the (60, 36, 60) voxels in which a measured point lies."""
    result: NDArray[np.bool_] = (pixel_of_voxel != NO_PIXEL).reshape(GRID_SHAPE)
    return result


def regions(
    labels: NDArray[np.uint8], tsdf: NDArray[np.float32], pixel_of_voxel: NDArray[np.int64],
) -> dict[str, NDArray[np.bool_]]:
    """Return the named, overlapping regions of a frame as (60, 36, 60) masks."""
    is_surface = surface(pixel_of_voxel)
    return {
        'observed_free': tsdf > 0,
        'surface': is_surface,
        'occluded': tsdf < np.float32(OCCLUDED_TSDF),
        'unknown': (tsdf == 0) & ~is_surface,
        'outside_room': labels == IGNORE_ID,
    }
