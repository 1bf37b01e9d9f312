"""Which voxels can hold anything at all: all but visible free space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def nonfree_voxels(
    tsdf: NDArray[np.float32], pixel_of_voxel: NDArray[Any], *, subdivision: int, no_pixel: int,
) -> NDArray[np.bool_]:
    """
    Return (X, Y, Z) where a voxel lies on a surface or behind one.

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
