"""Distances near surfaces, as a list of voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats.binary import BinaryReader, write_numbers
from ssc_ros.fusion.scene_volume import STORED_VOXELS, SceneVolume
from ssc_ros.fusion.volume_grid import VolumeGrid


@dataclass(frozen=True, slots=True, eq=False)
class SparseTsdf:
    """
    The voxels of a volume that a file lists; all others are not observed.

    Attributes:
        locations: (N, 3) int32 columns z, y, x; files list x innermost, z outermost.
        tsdf_m: (N,) float32 metres, positive in front of surfaces.
    """

    grid: VolumeGrid
    locations: NDArray[np.int32]
    tsdf_m: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.locations.shape != (len(self.tsdf_m), 3):
            raise DataError(f'{len(self.tsdf_m)} distances need locations of '
                            f'({len(self.tsdf_m)}, 3), not {self.locations.shape}')
        if len(self) and not (self.locations.min() >= 0
                              and (self.locations.max(axis=0) < self.grid.shape).all()):
            raise DataError(f'locations reach from {self.locations.min(axis=0)} to '
                            f'{self.locations.max(axis=0)}, outside the volume {self.grid.shape}')

    def __len__(self) -> int:
        return len(self.tsdf_m)

    @property
    def tsdf_voxels(self) -> NDArray[np.float32]:
        """(N,) float32 distances in voxels."""
        return self.tsdf_m / np.float32(self.grid.voxel_size_m)

    @property
    def index(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Index of the listed voxels in an array (Z, Y, X)."""
        z, y, x = self.locations.T
        return z, y, x

    def dense(self) -> NDArray[np.float32]:
        """Return (Z, Y, X) float32 metres, -inf where no voxel is listed."""
        volume = np.full(self.grid.shape, -np.inf, np.float32)
        volume[self.index] = self.tsdf_m
        return volume


def sparse_tsdf(volume: SceneVolume, limit_voxels: float = STORED_VOXELS) -> SparseTsdf:
    """List the voxels of a volume within a distance of a surface, in the order of files."""
    locations = np.argwhere(np.abs(volume.tsdf_voxels) <= limit_voxels).astype(np.int32)
    z, y, x = locations.T
    return SparseTsdf(volume.grid, locations, volume.tsdf_m[z, y, x])


def dense_volume(sparse: SparseTsdf, rgb: NDArray[np.uint8] | None = None) -> SceneVolume:
    """
    Spread listed voxels over their volume.

    Args:
        rgb: colours, (N, 3) of the listed voxels or (Z, Y, X, 3) of all; black without.
    """
    colors = np.zeros((*sparse.grid.shape, 3), np.uint8)
    if rgb is not None and rgb.ndim == 4:
        colors[sparse.index] = rgb[sparse.index]
    elif rgb is not None:
        colors[sparse.index] = rgb
    weight = np.zeros(sparse.grid.shape, np.uint8)
    weight[sparse.index] = 1
    return SceneVolume(sparse.grid, sparse.dense(), weight, colors)


def read_block(reader: BinaryReader, grid: VolumeGrid) -> SparseTsdf:
    """Read a count, as many x, y, z and as many distances."""
    count = reader.count()
    locations = reader.array('<u4', 3 * count).reshape(count, 3)[:, ::-1]
    return SparseTsdf(grid, locations.astype(np.int32), reader.array('<f4', count).copy())


def write_block(file: BinaryIO, sparse: SparseTsdf) -> None:
    """Append a count, the places x, y, z and the distances in metres."""
    write_numbers(file, [len(sparse)], '<u8')
    write_numbers(file, sparse.locations[:, ::-1], '<u4')
    write_numbers(file, sparse.tsdf_m, '<f4')
