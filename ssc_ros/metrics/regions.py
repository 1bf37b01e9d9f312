"""Which voxels of a frame the papers score, and what their truth is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import IGNORE_ID
from ssc_ros.metrics.completion import to_array

NYU_NO_PIXEL = 480 * 640  # what a voxel that no pixel sees carries in the published mappings


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRegion:
    """
    The voxels that take part, flat, in the order of the label volume.

    Attributes:
        target: (N,) label ids; those outside both masks are never read.
        semantic: (N,) True where SSC counts the voxel.
        occluded: (N,) True where SC counts the voxel.
    """

    target: NDArray[Any]
    semantic: NDArray[np.bool_]
    occluded: NDArray[np.bool_]


def sketch_region(
    target: Any, label_weight: Any, pixel_of_voxel: Any, *, no_pixel: int = NYU_NO_PIXEL,
) -> ScoredRegion:
    """
    Return the region that 3D-Sketch, CVSformer, CleanerS and AMMNet score.

    SSC counts every voxel with a label weight and a known label; SC those of them that are no
    visible surface.

    Args:
        target: label volume of any shape, 255 = unknown.
        label_weight: as many values; not 0 where the voxel is occupied or well behind a surface.
        pixel_of_voxel: as many pixel indices, ``no_pixel`` where no pixel sees the voxel.
        no_pixel: number of pixels of the image, 480 * 640 in NYUv2.

    Raises:
        DataError: sizes differ.
    """
    labels, weights, pixels = _flat(
        target=target, label_weight=label_weight, pixel_of_voxel=pixel_of_voxel)
    semantic = (weights > 0) & (labels != IGNORE_ID)
    return ScoredRegion(labels, semantic, semantic & (pixels == no_pixel))


def sscnet_region(target: Any, visibility: Any) -> ScoredRegion:
    """
    Return the region that SSCNet (Song et al., CVPR 2017) scores; unknown truth counts as empty.

    Its SC scores are averages over frames: count them with ``sc_average='frames'``.

    Args:
        target: label volume of any shape, 255 or NaN = unknown.
        visibility: as many flipped distances of the published evaluation volumes: -1 behind a
            surface, 1 free, in between near a surface, below -1 not to be scored.

    Raises:
        DataError: sizes differ.
    """
    labels, volume = _flat(target=target, visibility=visibility)
    known = np.where(np.isnan(labels) | (labels == IGNORE_ID), 0, labels).astype(np.int64)
    return ScoredRegion(
        known, semantic=(np.abs(volume) < 1) | (volume == -1),
        occluded=(volume >= -1) & (volume < 0))


def _flat(**volumes: Any) -> list[NDArray[Any]]:
    flat = {name: to_array(volume).reshape(-1) for name, volume in volumes.items()}
    sizes = {name: values.size for name, values in flat.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(f'volumes differ in their number of voxels: {sizes}')
    return list(flat.values())
