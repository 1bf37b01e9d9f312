"""Extract images and annotations from the NYU Depth v2 file nyu_depth_v2_labeled.mat."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from ssc_ros.labels.label_space import IGNORE_ID

from .conventions import IMAGE_SIZE
from .files import open_hdf5

MAT_FILE = 'nyu_depth_v2_labeled.mat'
# MATLAB stores columns first, so axes appear reversed.
_WIDE = IMAGE_SIZE[::-1]
_SHAPES = {'images': (3, *_WIDE), 'labels': _WIDE, 'depths': _WIDE}


def extract_images(
    mat_path: Path, out: Path, frame_ids: Iterable[int] | None = None, *, progress: bool = False,
) -> int:
    """
    Write `RGB/NYU0001_colors.png` and `Label40/0001.png` of every frame; return their number.

    Image k of the file, counted from 0, is frame k + 1. Labels are the 40 classes of Gupta et al.
    (CVPR 2013), 0 = unlabelled.

    Raises:
        DataError: h5py is not installed, or the file is missing, damaged or another one.
    """
    with open_labelled(mat_path) as file:
        arrays = labelled_arrays(file, ('images', 'labels'), mat_path)
        count = len(arrays['images'])
        ids = list(range(1, count + 1) if frame_ids is None else frame_ids)
        if not ids or min(ids) < 1 or max(ids) > count:
            raise DataError(f'{mat_path} has the frames 1 to {count}: ask for some of these')
        for frame_id in tqdm(ids, desc='images', unit='frame', disable=not progress):
            bgr = arrays['images'][frame_id - 1].transpose(2, 1, 0)[..., ::-1]
            _write(out / 'RGB' / f'NYU{frame_id:04d}_colors.png', np.ascontiguousarray(bgr))
            raw_labels = np.ascontiguousarray(arrays['labels'][frame_id - 1].T)
            _write(out / 'Label40' / f'{frame_id:04d}.png', official_nyu40(raw_labels))
    return len(ids)


def official_nyu40(raw_labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Translate object ids 0 to 894 into 1 to 40, 0 = unlabelled."""
    labels = load_label_space('nyu40').remap(raw_labels, 'nyu894')
    return np.where(labels == IGNORE_ID, 0, labels + 1).astype(np.uint8)


def open_labelled(path: Path) -> Any:
    """
    Open nyu_depth_v2_labeled.mat.

    Raises:
        DataError: h5py is not installed, or the file is missing or damaged.
    """
    return open_hdf5(path, f'download {MAT_FILE} again')


def labelled_arrays(file: Any, names: Iterable[str], path: Path) -> dict[str, Any]:
    """
    Return some of `images`, `labels` and `depths` of the open file, unread.

    Raises:
        DataError: one is missing or of another shape.
    """
    for name in names:
        shape, expected = file[name].shape if name in file else None, _SHAPES[name]
        if shape is None or shape[1:] != expected:
            raise DataError(f'{path} holds {name} {shape}, expected (frames, *{expected}): it is '
                            f'not {MAT_FILE}')
    return {name: file[name] for name in names}


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
