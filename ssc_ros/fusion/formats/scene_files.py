"""
Files of whole scenes.

Where a scene is called ``<name>.sdf``, its colours are ``<name>.colors``, what is known of it
``<name>.knw`` and its classes ``<name>.sem``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats.binary import (
    BinaryReader,
    checked_volume,
    write_header,
    write_numbers,
    write_shape,
)
from ssc_ros.fusion.formats.sparse import (
    SparseTsdf,
    dense_volume,
    read_block,
    sparse_tsdf,
    write_block,
)
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.volume_grid import Shape, VolumeGrid


def read_sdf(path: Path | str) -> SparseTsdf:
    """Read a sparse ``.sdf`` file."""
    reader = BinaryReader(path)
    sparse = read_block(reader, reader.header())
    reader.finish()
    return sparse


def write_sdf(path: Path | str, sparse: SparseTsdf) -> None:
    """Write a sparse ``.sdf`` file."""
    with Path(path).open('wb') as file:
        write_header(file, sparse.grid)
        write_block(file, sparse)


def read_dense_sdf(path: Path | str) -> tuple[VolumeGrid, NDArray[np.float32]]:
    """Read the dense variant: (Z, Y, X) float32 metres, -inf where nothing was measured."""
    reader = BinaryReader(path)
    grid = reader.header()
    values = reader.array('<f4', grid.num_voxels).reshape(grid.shape).copy()
    reader.finish()
    return grid, values


def write_dense_sdf(path: Path | str, grid: VolumeGrid, tsdf_m: NDArray[np.float32]) -> None:
    """Write the dense variant."""
    with Path(path).open('wb') as file:
        write_header(file, grid)
        write_numbers(file, checked_volume(tsdf_m, grid.shape, 'the distance'), '<f4')


def read_colors(path: Path | str) -> tuple[Shape, NDArray[np.uint8]]:
    """Read the shape (Z, Y, X) and the (N, 3) colours of the voxels that the ``.sdf`` lists."""
    reader = BinaryReader(path)
    shape = reader.shape()
    colors = reader.array('u1', 3 * reader.count()).reshape(-1, 3).copy()
    reader.finish()
    return shape, colors


def write_colors(path: Path | str, shape: Shape, colors: NDArray[np.uint8]) -> None:
    """Write (N, 3) colours in the order of the ``.sdf``."""
    with Path(path).open('wb') as file:
        write_shape(file, shape)
        write_numbers(file, [len(colors)], '<u8')
        write_numbers(file, colors, 'u1')


def read_known(path: Path | str, shape: Shape) -> NDArray[np.uint8]:
    """Read (Z, Y, X) codes of what is known; the file does not say its shape."""
    reader = BinaryReader(path)
    codes = reader.array('u1', int(np.prod(shape))).reshape(shape).copy()
    reader.finish()
    return codes


def write_known(path: Path | str, codes: NDArray[np.uint8]) -> None:
    """Write (Z, Y, X) codes of what is known."""
    with Path(path).open('wb') as file:
        write_numbers(file, codes, 'u1')


def read_semantics(path: Path | str) -> NDArray[np.uint16]:
    """Read (Z, Y, X) class ids."""
    reader = BinaryReader(path)
    shape = reader.shape()
    labels = reader.array('<u2', int(np.prod(shape))).reshape(shape).copy()
    reader.finish()
    return labels


def write_semantics(path: Path | str, labels: NDArray[np.uint16]) -> None:
    """Write (Z, Y, X) class ids."""
    with Path(path).open('wb') as file:
        z, y, x = labels.shape
        write_shape(file, (z, y, x))
        write_numbers(file, labels, '<u2')


def write_scene(path: Path | str, volume: SceneVolume) -> None:
    """Write ``<name>.sdf`` and, beside it, ``<name>.colors`` and ``<name>.knw``."""
    stem = Path(path)
    sparse = sparse_tsdf(volume)
    write_sdf(stem, sparse)
    write_colors(stem.with_suffix('.colors'), volume.grid.shape, volume.rgb[sparse.index])
    write_known(stem.with_suffix('.knw'), volume.known)


def read_scene(path: Path | str) -> SceneVolume:
    """Read ``<name>.sdf`` and, where it lies beside it, ``<name>.colors``."""
    sparse = read_sdf(path)
    colors_path = Path(path).with_suffix('.colors')
    if not colors_path.is_file():
        return dense_volume(sparse)
    shape, colors = read_colors(colors_path)
    if shape != sparse.grid.shape or len(colors) != len(sparse):
        raise DataError(
            f'{colors_path} has {len(colors)} colours of a volume {shape}, {path} '
            f'{len(sparse)} voxels of one of {sparse.grid.shape}: they are of different scenes')
    return dense_volume(sparse, colors)
