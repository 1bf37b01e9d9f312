"""Read images, labels and in-painted depth from nyu_depth_v2_labeled.mat as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ssc_ros.errors import DataError
from training.datasets.nyu.conventions import CAMERAS
from training.datasets.nyu.matlab import labelled_arrays, official_nyu40, open_labelled
from training.datasets.nyu.splits import standard_ids

from .image import LabelledImage


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
        return tuple(each for each in standard_ids(split) if each <= self._count)

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
            self._file = open_labelled(self._path)
        return labelled_arrays(self._file, ('images', 'labels', 'depths'), self._path)
