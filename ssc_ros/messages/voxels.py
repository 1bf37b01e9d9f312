"""Which voxels of an estimate to show or send, and the clouds made of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import MessageError
from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.projection import unproject_depth
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.labels import IGNORE_ID, LabelSpace
from ssc_ros.messages.clouds import semantic_points


class LabelledDepth(Protocol):
    """What a labelled depth image is made of: a scene or a labelled image has it."""

    @property
    def image_labels(self) -> NDArray[np.uint8] | None: ...
    @property
    def depth_m(self) -> NDArray[np.float32] | None: ...
    @property
    def is_depth_measured(self) -> bool: ...
    @property
    def camera(self) -> PinholeCamera: ...
    @property
    def label_space(self) -> LabelSpace: ...


def occupied_mask(labels: NDArray[np.uint8], label_space: LabelSpace) -> NDArray[np.bool_]:
    """Return where (X, Y, Z) labels name matter: neither empty nor unlabelled."""
    is_occupied = labels < len(label_space)
    if label_space.empty_id is not None:
        is_occupied &= labels != label_space.empty_id
    return is_occupied


def surface_mask(is_occupied: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """
    Return the occupied voxels that can be seen: those without six occupied neighbours.

    Voxels on the border of the (X, Y, Z) array always count as visible.

    >>> int(surface_mask(np.ones((3, 3, 3), np.bool_)).sum())
    26
    """
    is_inner = np.zeros_like(is_occupied)
    core = is_occupied[1:-1, 1:-1, 1:-1].copy()
    for axis in range(3):
        for neighbour in (slice(None, -2), slice(2, None)):
            window = [slice(1, -1)] * 3
            window[axis] = neighbour
            core &= is_occupied[tuple(window)]
    is_inner[1:-1, 1:-1, 1:-1] = core
    return is_occupied & ~is_inner


def cell_centers(cells: NDArray[np.intp], grid: VoxelGrid) -> NDArray[np.float64]:
    """
    Return the centres of some voxels in the grid's frame.

    Args:
        cells: (N,) positions in the flat label array (C order), as of ``np.flatnonzero``.
        grid: the voxel grid.

    Returns:
        (N, 3) float64 x, y, z in metres.
    """
    return grid.index_to_point(np.stack(np.unravel_index(cells, grid.shape), axis=1))


def voxel_cloud(
    estimate: SceneEstimate,
    *,
    is_kept: NDArray[np.bool_] | None = None,
    T_target_voxel: ArrayLike | None = None,
) -> NDArray[Any]:
    """
    Return the voxels of an estimate as (N,) SEMANTIC_POINT, for encode_cloud().

    Args:
        estimate: the scene.
        is_kept: (X, Y, Z) mask of the voxels to send; default: all occupied ones.
        T_target_voxel: (4, 4) transform into the cloud's frame; default: the optical frame.
    """
    if is_kept is None:
        is_kept = occupied_mask(estimate.labels, estimate.label_space)
    if T_target_voxel is None:
        T_target_voxel = estimate.T_camera_voxel
    cells = np.flatnonzero(is_kept)
    labels, observed, confidence = (
        values.reshape(-1)[cells]
        for values in (estimate.labels, estimate.observed, estimate.confidence))
    points = transform_points(T_target_voxel, cell_centers(cells, estimate.grid))
    return semantic_points(
        points, labels, estimate.label_space, observed=observed, confidence=confidence)


def image_cloud(
    estimate: LabelledDepth, *, confidence: ArrayLike = np.nan,
) -> NDArray[Any]:
    """
    Return the labelled depth image of an estimate as (H, W) SEMANTIC_POINT in the optical frame.

    The cloud stays aligned with the image: pixels without depth become NaN points. ``observed``
    says that a sensor measured the depth.

    Args:
        confidence: (H, W) probability of the labels, NaN = not known.

    Raises:
        MessageError: the estimate carries no depth or no labelled image.
    """
    if estimate.depth_m is None or estimate.image_labels is None:
        raise MessageError(
            'the estimate has no depth or no labelled image, both make the semantic points: '
            'check that the estimator renders them')
    points = unproject_depth(estimate.depth_m, estimate.camera)
    is_missing = np.isnan(points[..., 2])
    labels = np.where(is_missing, np.uint8(IGNORE_ID), estimate.image_labels)
    return semantic_points(
        points, labels, estimate.label_space,
        observed=estimate.is_depth_measured & ~is_missing, confidence=confidence)
