"""Read images, labels and in-painted depth from nyu_depth_v2_labeled.mat as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ssc_ros.errors import DataError
from training.datasets.nyu.conventions import CAMERAS, IMAGE_SIZE
from training.datasets.nyu.matlab import official_nyu40
from training.datasets.nyu.splits import STANDARD_IDS

from .image import LabelledImage

MAT_FILE = 'nyu_depth_v2_labeled.mat'
# MATLAB stores columns first, so axes appear reversed.
_WIDE = IMAGE_SIZE[::-1]
_SHAPES = {'images': (3, *_WIDE), 'labels': _WIDE, 'depths': _WIDE}


class MatReader:
    """
    Reads frames of the official file, one at a time; image k, counted from 0, is frame k + 1.

    Raises:
        DataError: h5py is not installed, or the file is missing, damaged or another one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._count = len(self._arrays()['images'])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind: loader processes open their own."""
        return {**self.__dict__, '_file': None}

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split, those of the standard one that the file has."""
        if split not in STANDARD_IDS:
            raise DataError(f'split {split!r} is unknown: use {", ".join(STANDARD_IDS)} or ids')
        return tuple(each for each in STANDARD_IDS[split] if each <= self._count)

    def read(self, frame_id: int) -> LabelledImage:
        """Read one frame."""
        if not 1 <= frame_id <= self._count:
            raise DataError(
                f'{self._path} has the frames 1 to {self._count}, asked for was {frame_id}')
        arrays = self._arrays()
        try:
            image, labels, depth = (array[frame_id - 1] for array in arrays.values())
        except OSError as error:
            raise DataError(f'{self._path}, frame {frame_id:04d}, is damaged ({error}): download '
                            'it again') from error
        try:
            labels40 = official_nyu40(np.ascontiguousarray(labels.T))
        except DataError as error:
            raise DataError(f'{self._path}, frame {frame_id:04d}: {error}') from error
        return LabelledImage(
            f'{frame_id:04d}', np.ascontiguousarray(image.transpose(2, 1, 0)), labels40,
            np.ascontiguousarray(depth.T.astype(np.float32)),
            focal_length_px=CAMERAS['nyu'].fx)

    def _arrays(self) -> dict[str, Any]:
        if self._file is None:
            self._file = self._opened()
        for name, shape in _SHAPES.items():
            found = self._file[name].shape if name in self._file else None
            if found is None or found[1:] != shape:
                raise DataError(f'{self._path} holds {name} {found}, expected (frames, *{shape}): '
                                f'it is not {MAT_FILE}')
        return {name: self._file[name] for name in _SHAPES}

    def _opened(self) -> Any:
        try:
            import h5py
        except ImportError as error:
            raise DataError('MATLAB 7.3 files are read with h5py: pip install h5py') from error
        try:
            return h5py.File(self._path, 'r')
        except OSError as error:
            raise DataError(
                f'{self._path} cannot be read ({error}): download {MAT_FILE} again') from error
