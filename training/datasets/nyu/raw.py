"""The raw SSCNet release: bit-rotated depth images and run-length voxel files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.transforms import inverse_rigid

from .conventions import FINE_SHAPE, GRID_SHAPE, IMAGE_SIZE, VOXEL_SIZE_M
from .files import read_image

_HEADER_FLOATS = 3 + 16
_NUM_CELLS = int(np.prod(FINE_SHAPE))
_MAX_RAW_ID = 36
_UNKNOWN_ID = 255
# Volumes with less matter than this carry no annotation.
_MIN_OCCUPIED_CELLS = 10


@dataclass(frozen=True, slots=True, eq=False)
class RawVolume:
    """
    One voxel file.

    Attributes:
        raw_labels: (240, 144, 240) uint8, ids 0 to 36 of the release and 255.
        origin_m: world position of the grid's corner.
        T_world_camera: (4, 4) float64; world z up, floor at 0.
    """

    raw_labels: NDArray[np.uint8]
    origin_m: tuple[float, float, float]
    T_world_camera: NDArray[np.float64]

    @property
    def placement(self) -> BoxPlacement:
        """The 60 x 36 x 60 box in the camera's frame."""
        grid = VoxelGrid(self.origin_m, VOXEL_SIZE_M, GRID_SHAPE, 'xzy')
        return BoxPlacement(grid, inverse_rigid(self.T_world_camera))


def decode_depth(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """
    Return metres of stored values: millimetres rotated left by 3 bits, 0 = missing.

    >>> decode_depth(np.array([26880], np.uint16)).tolist()
    [3.359999895095825]
    """
    depth_mm = (stored >> 3) | (stored << 13)
    return depth_mm.astype(np.float32) / np.float32(1000)


def encode_depth(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the stored values of depths in metres, rounded to millimetres."""
    depth_mm = np.rint(np.asarray(depth_m, np.float64) * 1000).astype(np.uint16)
    return ((depth_mm << 3) | (depth_mm >> 13)).astype(np.uint16)


def read_depth(path: Path) -> NDArray[np.float32]:
    """
    Read a depth image of the release as (480, 640) metres, 0 = missing.

    Raises:
        DataError: the file is missing, damaged or no 16-bit image of that size.
    """
    return decode_depth(read_image(path, IMAGE_SIZE, np.uint16))


def write_depth(path: Path, depth_m: NDArray[np.float32]) -> None:
    """Write depth in metres as the release does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), encode_depth(depth_m))


def read_volume(path: Path) -> RawVolume:
    """
    Read a voxel file.

    Raises:
        DataError: the file is missing, cut off, holds foreign ids or next to nothing.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f'{path} cannot be read ({error}): copy it from the release') from error
    header_bytes = 4 * _HEADER_FLOATS
    if len(data) <= header_bytes or (len(data) - header_bytes) % 8:
        raise DataError(
            f'{path} has {len(data)} bytes, expected {header_bytes} and whole pairs of 8: it is '
            'cut off, copy it again')
    header = np.frombuffer(data, '<f4', _HEADER_FLOATS).astype(np.float64)
    runs = np.frombuffer(data, '<u4', offset=header_bytes).reshape(-1, 2)
    x, y, z = (float(value) for value in header[:3])
    pose = header[3:].reshape(4, 4)
    if not np.isfinite(header).all() or not np.allclose(pose[3], [0, 0, 0, 1]):
        raise DataError(f'{path} carries no camera pose (last row {pose[3].tolist()}): copy it '
                        'from the release')
    return RawVolume(_decode_runs(runs, path), (x, y, z), pose)


def write_volume(path: Path, volume: RawVolume) -> None:
    """Write a voxel file with the shortest run-length code."""
    flat = volume.raw_labels.ravel()
    starts = np.concatenate([[0], 1 + np.flatnonzero(flat[1:] != flat[:-1])])
    runs = np.stack([flat[starts], np.diff(starts, append=flat.size)], axis=1)
    header = np.concatenate([volume.origin_m, volume.T_world_camera.ravel()])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.astype('<f4').tobytes() + runs.astype('<u4').tobytes())


def _decode_runs(runs: NDArray[np.uint32], path: Path) -> NDArray[np.uint8]:
    values, counts = runs[:, 0], runs[:, 1].astype(np.int64)
    is_foreign = (values > _MAX_RAW_ID) & (values != _UNKNOWN_ID)
    if is_foreign.any():
        raise DataError(f'{path} holds label {values[is_foreign][0]}; the release has 0 to '
                        f'{_MAX_RAW_ID} and {_UNKNOWN_ID}: it is damaged or of another data set')
    # The reference writer counts one cell too few when the whole volume is one run.
    if len(runs) == 1 and counts[0] == _NUM_CELLS - 1:
        counts = counts + 1
    if counts.sum() != _NUM_CELLS:
        raise DataError(f'{path} describes {counts.sum()} cells, expected {_NUM_CELLS} '
                        f'{FINE_SHAPE}: it is cut off, copy it again')
    labels = np.repeat(values.astype(np.uint8), counts).reshape(FINE_SHAPE)
    occupied = int(counts[(values > 0) & (values <= _MAX_RAW_ID)].sum())
    if occupied < _MIN_OCCUPIED_CELLS:
        raise DataError(f'{path} has {occupied} occupied cells, expected at least '
                        f'{_MIN_OCCUPIED_CELLS}: leave this frame out')
    return labels
