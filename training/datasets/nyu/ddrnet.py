"""Read the per-frame .npz files of the DDRNet, AICNet and PALNet packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels.label_space import IGNORE_ID

from .conventions import CAMERAS, FINE_SHAPE, GRID_SHAPE, IMAGE_SIZE, NO_PIXEL, NUM_VOXELS
from .files import read_npz
from .folder import ReadOptions
from .pooling import blocks
from .regions import label_weight
from .sample import NyuSample, check_labels
from .splits import STANDARD_IDS

PATTERN = 'NYU????_0000_voxels.npz'
# Flipped distances never come closer to zero than this.
_FLIPPED_MINIMUM = np.float32(0.001)
# PALNet's names, its spelling included.
_OLD_KEYS = {'tsdf_hr': 'voxels', 'rgb': 'rgb_tesnor'}
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


def unflipped(flipped: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn sign * (1 - distance), at least 0.001, back into a plain TSDF."""
    magnitude = np.abs(flipped)
    distance = np.where(magnitude <= _FLIPPED_MINIMUM, 1, 1 - magnitude)
    return (np.sign(flipped) * distance).astype(np.float32)


def surface_code(flipped: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    Return `tsdf_lr` of these packages: a code, not an average.

    1 where more than two of a voxel's 64 cells are surface, else -0.001 where any is occluded or
    surface, else 0.001.
    """
    cells = blocks(flipped)
    is_surface = cells == 1
    is_touched = (is_surface | (cells <= 0)).any(axis=-1)
    code = np.where(is_touched, -_FLIPPED_MINIMUM, _FLIPPED_MINIMUM)
    return np.where(is_surface.sum(axis=-1) > 2, 1, code).astype(np.float32)


def evaluation_set(
    code: NDArray[np.float32], labels: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Return the voxels that these systems are scored on, from their own `tsdf_lr`."""
    result: NDArray[np.bool_] = (labels != IGNORE_ID) & (code != _FLIPPED_MINIMUM)
    return result


class DdrnetReader:
    """Reads a folder, or folders in a folder, of NYU%04d_0000_voxels.npz files."""

    def __init__(self, root: Path, options: ReadOptions) -> None:
        is_cad = options.depth_source == 'cad'
        self._root, self._options = root, options
        self._paths = {
            int(path.name[3:7]): path for path in sorted(root.rglob(PATTERN))
            if ('CAD' in path.parent.name) == is_cad}

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split that are there."""
        return tuple(frame_id for frame_id in STANDARD_IDS[split] if frame_id in self._paths)

    def check_presence(self, frame_id: int) -> None:
        """Raise a DataError where a frame has no file."""
        if frame_id not in self._paths:
            raise DataError(f'frame {frame_id:04d} has no NYU{frame_id:04d}_0000_voxels.npz below '
                            f'{self._root}: copy it from the package')

    def read(self, frame_id: int) -> NyuSample:
        """Read one frame; its TSDF is averaged from the fine one, which is 1 where unknown."""
        self.check_presence(frame_id)
        path = self._paths[frame_id]
        labels = check_labels(read_npz(path, ('target_lr',))['target_lr'], str(path))
        flipped = _whole(self._array(path, 'tsdf_hr'), FINE_SHAPE, path)
        if not (np.abs(flipped) <= 1).all():
            raise DataError(f'{path}: tsdf_hr leaves [-1, 1]: copy it again')
        tsdf = blocks(unflipped(flipped)).mean(axis=-1, dtype=np.float32)
        position = _whole(read_npz(path, ('position',))['position'], IMAGE_SIZE, path)
        wants = self._options.images
        return NyuSample(
            frame_id=frame_id, rgb=_rgb(self._array(path, 'rgb')) if 'rgb' in wants else None,
            tsdf=tsdf, label_weight=label_weight(labels, tsdf),
            pixel_of_voxel=pixel_of_voxel_from_position(position), labels=labels,
            label_map13=None, label_map40=None, placement=None, camera=CAMERAS['sscnet'],
            depth_m=_whole(read_npz(path, ('depth',))['depth'], IMAGE_SIZE, path).astype(
                np.float32) if 'depth' in wants else None)

    def _array(self, path: Path, key: str) -> NDArray[Any]:
        try:
            return read_npz(path, (key,))[key]
        except DataError:
            old = _OLD_KEYS[key]
            return read_npz(path, (old,))[old]


def pixel_of_voxel_from_position(position: NDArray[Any]) -> NDArray[np.int64]:
    """
    Invert the fine cell of every pixel, 0 = none, into the last pixel of every coarse voxel.

    These packages round points to the nearest cell and use SSCNet's intrinsics, so the result
    differs from a released `Mapping`.
    """
    pixels = np.flatnonzero(position)
    cells = np.unravel_index(position.ravel()[pixels].astype(np.int64), FINE_SHAPE)
    voxels = np.ravel_multi_index(tuple(index // 4 for index in cells), GRID_SHAPE)
    result = np.full(NUM_VOXELS, NO_PIXEL, np.int64)
    result[voxels] = pixels  # ascending, so that the last pixel stays
    return result


def _whole(array: NDArray[Any], shape: tuple[int, ...], path: Path) -> NDArray[Any]:
    if array.size != np.prod(shape):
        raise DataError(f'{path} holds an array {array.shape}, expected {shape}: it belongs to '
                        'another package')
    return array.reshape(shape)


def _rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 of a picture or of a tensor normalized for ImageNet networks."""
    if image.ndim == 3 and image.shape[0] == 3:
        image = image.transpose(1, 2, 0)
    if image.dtype != np.uint8:
        image = np.rint(np.clip(image * _IMAGENET_STD + _IMAGENET_MEAN, 0, 1) * 255)
    return np.ascontiguousarray(image.astype(np.uint8))
