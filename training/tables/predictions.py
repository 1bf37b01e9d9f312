"""
Label volumes that other code wrote: one .npz, .npy or .ply file per frame.

3D-Sketch saves `0001.npy` with (60, 36, 60) labels, AMMNet `NYU0001.ply` with one coloured vertex
per occupied voxel; others save flat labels or class scores. Nothing is ever unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from training.datasets.nyu.files import DAMAGE

SHAPE = (60, 36, 60)
VOXELS = 60 * 36 * 60
CLASSES = 12
# Where a file holds several arrays.
KEYS = ('labels', 'label', 'prediction', 'pred', 'y_pred', 'logits', 'ssc_logits', 'arr_0')
_AMMNET_FLOOR = (43, 160, 4)  # SSCNet and the label space paint floors (43, 160, 43)
_FRAME_NUMBER = re.compile(r'(?<!\d)(\d{4})(?!\d)')
REMEDY = 'write it again, or leave it out with --skip-broken'


class FrameFolder:
    """
    Arrays of a split, one file per frame: the first four digits in its name are the frame's.

    Args:
        key: of the array in .npz files; None takes the only one, or a usual name.

    Raises:
        DataError: no such folder, no frame in it, or two files for one frame.
    """

    def __init__(self, folder: Path, *, key: str | None = None) -> None:
        self._key = key
        self._paths: dict[int, Path] = {}
        if not folder.is_dir():
            raise DataError(f'{folder} is no folder: give the one with a file per frame')
        for path in sorted(folder.iterdir()):
            number = _FRAME_NUMBER.search(path.stem)
            if path.suffix in _READERS and number:
                self._add(int(number[1]), path)
        if not self._paths:
            raise DataError(
                f'{folder} holds no frame: expected files such as 0001.npz, NYU0001.ply or '
                'NYU0001_0000_voxels.npz')

    def __contains__(self, frame_id: object) -> bool:
        return frame_id in self._paths

    def labels(self, frame_id: int) -> NDArray[np.uint8]:
        """
        Return the (129600,) labels of a frame, in the order of (60, 36, 60).

        Raises:
            DataError: the file is damaged or holds something else; it is named.
        """
        values = self._read(frame_id)
        return labels_of(values, str(self._paths[frame_id]))

    def volume(self, frame_id: int) -> NDArray[Any]:
        """
        Return the (129600,) values of a frame as they are.

        Raises:
            DataError: the file is damaged or of another size; it is named.
        """
        values = np.squeeze(_numbers(self._read(frame_id), str(self._paths[frame_id])))
        if values.shape not in (SHAPE, (VOXELS,)):
            raise DataError(
                f'{self._paths[frame_id]} holds {values.shape}: expected {SHAPE} or ({VOXELS},)')
        return values.reshape(VOXELS)

    def check_complete(self, frame_ids: Iterable[int]) -> None:
        """Raise a DataError where frames have no file."""
        missing = [frame_id for frame_id in frame_ids if frame_id not in self]
        if missing:
            raise DataError(
                f'{len(missing)} frames have no prediction: {name_frames(missing)}; write them, '
                'or score the others with --skip-broken')

    def _read(self, frame_id: int) -> NDArray[Any]:
        if frame_id not in self:
            raise DataError(f'frame {frame_id:04d} has no file: {REMEDY}')
        path = self._paths[frame_id]
        try:
            return _READERS[path.suffix](path, self._key)
        except DAMAGE as error:
            raise DataError(f'{path} is damaged ({error}): {REMEDY}') from error

    def _add(self, frame_id: int, path: Path) -> None:
        if frame_id in self._paths:
            raise DataError(
                f'{self._paths[frame_id]} and {path.name} both hold frame {frame_id:04d}: keep '
                'one of them')
        self._paths[frame_id] = path


def name_frames(frame_ids: Iterable[int], shown: int = 8) -> str:
    """
    Name some frames.

    >>> name_frames([3, 1, 2], shown=2)
    '0001, 0002 and 1 more'
    """
    ids = sorted(frame_ids)
    names = ', '.join(f'{frame_id:04d}' for frame_id in ids[:shown])
    return names if len(ids) <= shown else f'{names} and {len(ids) - shown} more'


def labels_of(array: NDArray[Any], origin: str) -> NDArray[np.uint8]:
    """
    Return the (129600,) labels of a volume of labels, or of scores with classes first or last.

    Axes of length 1 do not matter. Of equal class scores the lowest id wins.

    Raises:
        DataError: another number of values, scores that are NaN, or labels that are no ids.
    """
    values = np.squeeze(_numbers(array, origin))
    if values.size == VOXELS and values.shape in (SHAPE, (VOXELS,)):
        return _whole_ids(values.reshape(VOXELS), origin)
    if values.size == CLASSES * VOXELS and CLASSES in (values.shape[0], values.shape[-1]):
        if np.isnan(values).any():
            raise DataError(f'{origin} holds class scores that are NaN: {REMEDY}')
        axis = 0 if values.shape[0] == CLASSES else -1
        labels: NDArray[np.uint8] = values.argmax(axis).astype(np.uint8).reshape(VOXELS)
        return labels
    raise DataError(
        f'{origin} holds {array.shape}: expected labels {SHAPE} or ({VOXELS},), or scores of '
        f'{CLASSES} classes as their first or last axis')


def _numbers(array: NDArray[Any], origin: str) -> NDArray[Any]:
    if array.dtype.kind not in 'buif':
        raise DataError(f'{origin} holds {array.dtype}: expected labels or scores')
    return array


def _whole_ids(values: NDArray[Any], origin: str) -> NDArray[np.uint8]:
    with np.errstate(invalid='ignore'):  # NaN, which is refused next
        ids = values.astype(np.uint8)
    if not np.array_equal(ids, values):
        raise DataError(f'{origin} holds labels that are no ids in 0..255: expected 0..11')
    return ids


def _read_npy(path: Path, key: str | None) -> NDArray[Any]:
    with path.open('rb') as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_npz(path: Path, key: str | None) -> NDArray[Any]:
    # Opened here, so that it is closed even where NumPy refuses it.
    with path.open('rb') as file, np.load(file, allow_pickle=False) as arrays:
        known = [key] if key else arrays.files if len(arrays.files) == 1 else KEYS
        name = next((name for name in known if name in arrays.files), None)
        if name is None:
            raise DataError(f'{path} holds {", ".join(arrays.files)}: name the labels with --key')
        array: NDArray[Any] = arrays[name]
        return array


def _read_ply(path: Path, key: str | None) -> NDArray[Any]:
    header, _, body = path.read_text(encoding='ascii').partition('end_header\n')
    count = re.search(r'^element vertex (\d+)$', header, re.MULTILINE)
    names = re.findall(r'^property \w+ (\w+)$', header, re.MULTILINE)
    if count is None or names[:6] != ['x', 'y', 'z', 'red', 'green', 'blue']:
        raise ValueError('no ASCII vertices x y z red green blue')
    table = np.array(body.split(), np.float64).reshape(-1, len(names))
    if len(table) != int(count[1]):
        raise ValueError(f'{len(table)} of {count[1]} vertices')
    places = table[:, :3]
    if not ((places >= 0) & (places < SHAPE)).all():
        raise ValueError(f'vertices outside {SHAPE}')
    volume = np.zeros(SHAPE, np.uint8)
    volume[tuple(places.astype(np.intp).T)] = _ids_of_colors(table[:, 3:6], path)
    return volume


def _ids_of_colors(colors: NDArray[np.float64], path: Path) -> list[int]:
    palette = load_label_space('nyu12').colors.tolist()
    ids = {tuple(color): label for label, color in enumerate(palette)}
    ids[_AMMNET_FLOOR] = ids[(43, 160, 43)]
    rows = [tuple(color) for color in colors.astype(int).tolist()]
    unknown = set(rows) - set(ids)
    if unknown:
        raise DataError(f'{path} has vertices coloured {min(unknown)}, which is no class: '
                        'colours of SSCNet or AMMNet are expected')
    return [ids[row] for row in rows]


_READERS: dict[str, Callable[[Path, str | None], NDArray[Any]]] = {
    '.npz': _read_npz, '.npy': _read_npy, '.ply': _read_ply}
