"""What the networks of RGB-D frames ask of a frame, and which voxels they may speak of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.models.network_estimator import LabelVolume


def require_depth(frame: StereoFrame | RgbdFrame, config: Any) -> RgbdFrame:
    """
    Return the frame, if a network that measures free space can take it.

    Args:
        config: of the network, with ``name`` and ``grid_shape``.

    Raises:
        DataError: it is a stereo pair, or its grid is another one.
    """
    if not isinstance(frame, RgbdFrame):
        raise DataError(
            f'configuration {config.name!r} needs measured depth but a stereo pair '
            'came: use rgbd_node with registered depth')
    shape = frame.placement.grid.shape
    if shape != config.grid_shape:
        raise DataError(
            f'the frame brings a {shape} grid but configuration {config.name!r} '
            f'completes {config.grid_shape}')
    return frame


def require_picture(
    picture: NDArray[np.uint8] | None, kind: str, config: Any,
) -> NDArray[np.uint8]:
    """
    Return the picture, if it is what a configuration reads.

    Args:
        kind: what it shows, for the message.
        config: of the network, with ``name`` and ``image_size``.

    Raises:
        DataError: it is missing or of another size.
    """
    if picture is None or picture.shape[:2] != config.image_size:
        came = 'nothing' if picture is None else f'size {picture.shape[:2]}'
        raise DataError(
            f'configuration {config.name!r} reads a {kind} of {config.image_size}, {came} came')
    return picture


def nonfree_voxels(
    tsdf: NDArray[np.float32], pixel_of_voxel: NDArray[Any], *, subdivision: int, no_pixel: int,
) -> NDArray[np.bool_]:
    """
    Return (X, Y, Z) where a voxel is no visible free space: on a surface or behind one.

    Args:
        tsdf: with ``subdivision`` 1 averages of (X, Y, Z), which tell what lies behind surfaces,
            while ``pixel_of_voxel`` tells what lies on them; else flipped cells, which tell both.
        no_pixel: what a voxel without pixel carries.
    """
    result: NDArray[np.bool_]
    if subdivision == 1:
        result = (tsdf < 0) | (pixel_of_voxel.reshape(tsdf.shape) != no_pixel)
        return result
    is_nonfree = (tsdf < 0) | (tsdf == 1)
    x, y, z = (length // subdivision for length in tsdf.shape)
    cells = is_nonfree.reshape(x, subdivision, y, subdivision, z, subdivision)
    result = cells.any(axis=(1, 3, 5))
    return result


def keep_nonfree(
    labels: NDArray[np.uint8], confidence: NDArray[np.float32], *, nonfree: NDArray[np.bool_],
    observed: NDArray[np.bool_],
) -> LabelVolume:
    """
    Return what a network says of surfaces and what they hide, and what was measured elsewhere.

    Trainings on NYUv2 score no other voxels, so that labels there mean nothing. What rays have
    crossed is empty for certain; what lies outside the view is not known: empty, confidence 0.

    Args:
        labels, confidence: (X, Y, Z) of the network.
        nonfree: (X, Y, Z) bool: on a measured surface or behind one.
        observed: (X, Y, Z) bool: a measured ray ended in or passed through the voxel.
    """
    return (np.where(nonfree, labels, np.uint8(0)),
            np.where(nonfree, confidence, observed.astype(np.float32)))
