"""Files of training chunks: SPSG's, in pairs ``__inc__`` and ``__cmp__``, and SG-NN's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats.binary import (
    BinaryReader,
    checked_volume,
    write_header,
    write_numbers,
)
from ssc_ros.fusion.formats.sparse import (
    SparseTsdf,
    dense_volume,
    read_block,
    sparse_tsdf,
    write_block,
)
from ssc_ros.fusion.scene_volume import SURFACE_VOXELS, SceneVolume
from ssc_ros.fusion.volume_grid import Shape, VolumeGrid

# How many times coarser the stored levels of an SG-NN block are.
PYRAMID_FACTORS = (2, 4, 8)


@dataclass(frozen=True, slots=True, eq=False)
class ChunkFile:
    """
    One of SPSG's chunks.

    Attributes:
        sparse: the listed distances.
        known: (Z, Y, X) uint8 codes of what is known; None in a file without.
        rgb: (Z, Y, X, 3) uint8.
    """

    sparse: SparseTsdf
    known: NDArray[np.uint8] | None
    rgb: NDArray[np.uint8]

    @classmethod
    def of(cls, volume: SceneVolume) -> ChunkFile:
        """Return what a file keeps of a volume."""
        return cls(sparse_tsdf(volume), volume.known, volume.rgb)

    @property
    def volume(self) -> SceneVolume:
        """The volume, not observed where no voxel is listed."""
        return dense_volume(self.sparse, self.rgb)

    def corrected_known(self) -> NDArray[np.uint8] | None:
        """Return the codes, marked as free or surface where the listed distances say so."""
        if self.known is None:
            return None
        known = self.known.copy()
        tsdf = self.sparse.tsdf_voxels
        z, y, x = self.sparse.index
        for is_meant, code in ((np.abs(tsdf) <= SURFACE_VOXELS, 1), (tsdf > SURFACE_VOXELS, 0)):
            known[z[is_meant], y[is_meant], x[is_meant]] = code
        return known


@dataclass(frozen=True, slots=True, eq=False)
class PyramidFile:
    """
    One of SG-NN's blocks: input, target, and coarser targets.

    Attributes:
        known: (Z, Y, X) uint8 codes of what is known of the target; None in a file without.
        coarser: targets 2, 4 and 8 times coarser; distances in metres.
    """

    source: SparseTsdf
    target: SparseTsdf
    known: NDArray[np.uint8] | None
    coarser: tuple[SparseTsdf, SparseTsdf, SparseTsdf]


def read_chunk(path: Path | str) -> ChunkFile:
    """Read one of SPSG's ``.sdf`` chunks."""
    reader = BinaryReader(path)
    grid = reader.header()
    sparse = read_block(reader, grid)
    known = _read_known(reader, grid.shape)
    count = reader.count()
    if count != grid.num_voxels:
        raise DataError(f'{path} announces {count} colours, a chunk {grid.shape} has '
                        f'{grid.num_voxels}: is it the file of a scene?')
    rgb = reader.array('u1', 3 * count).reshape(*grid.shape, 3).copy()
    reader.finish()
    return ChunkFile(sparse, known, rgb)


def write_chunk(path: Path | str, chunk: ChunkFile) -> None:
    """Write one of SPSG's ``.sdf`` chunks."""
    grid = chunk.sparse.grid
    with Path(path).open('wb') as file:
        write_header(file, grid)
        write_block(file, chunk.sparse)
        _write_known(file, chunk.known, grid.shape)
        write_numbers(file, [grid.num_voxels], '<u8')
        write_numbers(file, checked_volume(chunk.rgb, grid.shape, 'the colour'), 'u1')


def read_pyramid(path: Path | str) -> PyramidFile:
    """Read one of SG-NN's ``.sdfs`` blocks."""
    reader = BinaryReader(path)
    grid = reader.header()
    source, target = read_block(reader, grid), read_block(reader, grid)
    known = _read_known(reader, grid.shape)
    half, quarter, eighth = (
        read_block(reader, coarser_grid(grid, factor)) for factor in PYRAMID_FACTORS)
    reader.finish()
    return PyramidFile(source, target, known, (half, quarter, eighth))


def write_pyramid(path: Path | str, block: PyramidFile) -> None:
    """Write one of SG-NN's ``.sdfs`` blocks."""
    with Path(path).open('wb') as file:
        write_header(file, block.target.grid)
        write_block(file, block.source)
        write_block(file, block.target)
        _write_known(file, block.known, block.target.grid.shape)
        for level in block.coarser:
            write_block(file, level)


def coarser_grid(grid: VolumeGrid, factor: int) -> VolumeGrid:
    """Return the grid whose voxels hold ``factor`` voxels along each axis."""
    z, y, x = (-(-length // factor) for length in grid.shape)
    scale = np.diag([1 / factor] * 3 + [1.0])
    # The centre of a coarse voxel is the mean of the centres that it holds.
    scale[:3, 3] = (1 / factor - 1) / 2
    return VolumeGrid((z, y, x), grid.voxel_size_m * factor, scale @ grid.T_grid_world)


def _read_known(reader: BinaryReader, shape: Shape) -> NDArray[np.uint8] | None:
    count = reader.count()
    if not count:
        return None
    if count != int(np.prod(shape)):
        raise DataError(f'the file announces {count} codes of what is known for a volume {shape}')
    return reader.array('u1', count).reshape(shape).copy()


def _write_known(file: BinaryIO, known: NDArray[np.uint8] | None, shape: Shape) -> None:
    write_numbers(file, [0 if known is None else known.size], '<u8')
    if known is not None:
        write_numbers(file, checked_volume(known, shape, 'what is known'), 'u1')
