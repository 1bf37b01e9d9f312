"""
Pieces of which the files consist: little-endian, packed, without a magic number.

Volumes run x fastest and z slowest, which is the C order of an array (Z, Y, X).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.fusion.volume_grid import Shape, VolumeGrid

HEADER_BYTES = 92


class BinaryReader:
    """Reads arrays from the start of a file to its end."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._data = self._path.read_bytes()
        self._offset = 0

    def array(self, dtype: DTypeLike, count: int) -> NDArray[Any]:
        """Return the next ``count`` numbers."""
        kind = np.dtype(dtype)
        left = len(self._data) - self._offset
        if count * kind.itemsize > left:
            raise DataError(
                f'{self._path} ends too early: {count} numbers of {kind} are due at byte '
                f'{self._offset}, {left} bytes are left; copy or convert the file again')
        values = np.frombuffer(self._data, kind, count, self._offset)
        self._offset += count * kind.itemsize
        return values

    def count(self) -> int:
        """Return the next u64."""
        return int(self.array('<u8', 1)[0])

    def shape(self) -> Shape:
        """Return (Z, Y, X) of the next three u64, stored x, y, z."""
        x, y, z = self.array('<u8', 3).tolist()
        return z, y, x

    def header(self) -> VolumeGrid:
        """Return the grid of the 92 bytes that volumes start with."""
        shape = self.shape()
        voxel_size_m = float(self.array('<f4', 1)[0])
        matrix = self.array('<f4', 16).astype(np.float64).reshape(4, 4)
        try:
            return VolumeGrid(shape, voxel_size_m, matrix)
        except ConfigurationError as error:
            raise DataError(f'{self._path} does not start with the header of a volume: '
                            f'{error}') from error

    def finish(self) -> None:
        """Refuse a file that goes on."""
        left = len(self._data) - self._offset
        if left:
            raise DataError(f'{self._path} has {left} bytes more than its kind of file holds: '
                            'was it read as what it is?')


def write_numbers(file: BinaryIO, values: Any, dtype: DTypeLike) -> None:
    """Append numbers."""
    file.write(np.ascontiguousarray(values, np.dtype(dtype)).tobytes())


def write_shape(file: BinaryIO, shape: Shape) -> None:
    """Append (Z, Y, X) as x, y, z."""
    write_numbers(file, shape[::-1], '<u8')


def write_header(file: BinaryIO, grid: VolumeGrid) -> None:
    """Append the 92 bytes that volumes start with."""
    write_shape(file, grid.shape)
    write_numbers(file, [grid.voxel_size_m], '<f4')
    write_numbers(file, grid.T_grid_world, '<f4')


def checked_volume(values: NDArray[Any], shape: Shape, what: str) -> NDArray[Any]:
    """Return an array that has the shape of the volume it is written for."""
    if values.shape[:3] != shape:
        raise DataError(f'{what} is {values.shape}, the volume {shape}')
    return values
