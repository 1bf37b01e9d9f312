"""SUN RGB-D with 37 classes: as published, or repackaged as numbered images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from training.datasets.nyu.files import open_hdf5, read_image, read_rgb
from training.datasets.nyu.raw import decode_depth

from .image import ImageReader, LabelledImage, NumberedImages, checked_labels

NUM_CLASSES = 37
MAX_DEPTH_M = 8.0
TEST_IMAGES, TRAIN_IMAGES = 5050, 5285
_SCENES = 'SUNRGBD'
_TOOLBOX = 'SUNRGBDtoolbox'
_REPACKAGED_LABELS = 'sunrgbd_train_test_labels'


class SunImages(NumberedImages):
    """
    Images of SUN RGB-D with their 37 classes and filled depth (`depth_bfx`), of various sizes.

    The kv1 part holds NYUv2 images, test images among them: a network trained on this set must
    not be scored on NYUv2.

    Args:
        root: folder with `SUNRGBD/` and `SUNRGBDtoolbox/` as published; or with
            `sunrgbd_train_test_labels/` and `SUNRGBD-train_images/`, `SUNRGBD-test_images/`.
        split: train, test, or the numbers of images from 1 on: 1 to 5050 are test images.

    Raises:
        DataError: a file is missing or damaged, or holds other labels; it is named.
    """

    num_classes = NUM_CLASSES
    title = 'image {:06d}'

    def __init__(self, root: Path | str, split: str | Sequence[int]) -> None:
        super().__init__(open_reader(Path(root)), split)


def open_reader(root: Path) -> ImageReader:
    """Return the reader of SUN RGB-D by what is there."""
    if (root / _REPACKAGED_LABELS).is_dir():
        return RepackagedReader(root)
    if (root / _TOOLBOX).is_dir():
        return PublishedReader(root)
    raise DataError(f'{root} holds no SUN RGB-D with labels: expected {_SCENES} and {_TOOLBOX}, '
                    f'or {_REPACKAGED_LABELS}')


def _check_split(split: str) -> None:
    if split not in ('train', 'test'):
        raise DataError(f'split {split!r} is unknown: use train, test or numbers')


class RepackagedReader:
    """Reads numbered images: labels count through, images and depth begin anew in each split."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the images of a split whose labels are there."""
        _check_split(split)
        first, count = (1, TEST_IMAGES) if split == 'test' else (TEST_IMAGES + 1, TRAIN_IMAGES)
        numbers = range(first, first + count)
        return tuple(number for number in numbers if self._label_path(number).is_file())

    def read(self, number: int) -> LabelledImage:
        """Read one image."""
        split, place = ('test', number) if number <= TEST_IMAGES else (
            'train', number - TEST_IMAGES)
        path = self._label_path(number)
        rgb = read_rgb(self._root / f'{_SCENES}-{split}_images' / f'img-{place:06d}.jpg')
        depth_path = self._root / f'sunrgbd_{split}_depth' / f'{place}.png'
        labels = read_image(path, rgb.shape[:2], np.uint8)
        return LabelledImage(
            f'{number:06d}', rgb, checked_labels(labels, NUM_CLASSES, str(path)),
            _read_depth(depth_path, rgb.shape[:2]) if depth_path.is_file() else None)

    def _label_path(self, number: int) -> Path:
        return self._root / _REPACKAGED_LABELS / f'img-{number:06d}.png'


class _Scene(NamedTuple):
    """An image of the published tree: its folder below the root, and whether it is trained on."""

    folder: str
    is_train: bool


class PublishedReader:
    """Reads scene folders, and labels one by one: the file of labels is too large to be loaded."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._labels_path = root / _TOOLBOX / 'Metadata' / 'SUNRGBD2Dseg.mat'
        self._file: Any = None
        self._scenes = _read_scenes(root / _TOOLBOX)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind: loader processes open their own."""
        return {**self.__dict__, '_file': None}

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the images of a split."""
        _check_split(split)
        return tuple(number for number, scene in enumerate(self._scenes, 1)
                     if scene.is_train == (split == 'train'))

    def read(self, number: int) -> LabelledImage:
        """Read one image."""
        folder = self._root / self._scenes[number - 1].folder
        rgb = read_rgb(_only_file(folder / 'image', '*.jpg'))
        depth_path = _only_file(folder / 'depth_bfx', '*.png')
        origin = f'{self._labels_path}, image {number:06d},'
        return LabelledImage(
            f'{number:06d}', rgb, checked_labels(self._labels(number), NUM_CLASSES, origin),
            _read_depth(depth_path, rgb.shape[:2]),
            focal_length_px=_focal_length(folder / 'intrinsics.txt'))

    def _labels(self, number: int) -> NDArray[Any]:
        if self._file is None:
            self._file = open_hdf5(self._labels_path, 'copy the toolbox again')
        try:
            references = self._file['SUNRGBD2Dseg']['seglabel']
            labels: NDArray[Any] = self._file[references[number - 1, 0]][()].T
        except (KeyError, IndexError, ValueError, OSError) as error:
            raise DataError(f'{self._labels_path} has no labels of image {number:06d} ({error}): '
                            'download the toolbox again') from error
        return labels


def _read_scenes(toolbox: Path) -> list[_Scene]:
    """Return folder and split of every image, in the order of the labels."""
    meta = _load_mat(toolbox / 'Metadata' / 'SUNRGBDMeta.mat')
    split = _load_mat(toolbox / 'traintestSUNRGBD' / 'allsplit.mat')
    try:
        folders = [_below_root(str(entry.sequenceName))
                   for entry in np.atleast_1d(meta['SUNRGBDMeta'])]
        train = {_below_root(str(path)) for path in np.atleast_1d(split['alltrain'])}
    except (KeyError, AttributeError) as error:
        raise DataError(f'{toolbox} is not the toolbox of SUN RGB-D ({error!r}): expected '
                        'SUNRGBDMeta with sequenceName, and alltrain') from error
    return [_Scene(folder, folder in train) for folder in folders]


def _below_root(path: str) -> str:
    """
    Cut off where the authors kept the data.

    >>> _below_root('/n/fs/sun3d/data/SUNRGBD/kv1/b3dodata/img_0063/')
    'SUNRGBD/kv1/b3dodata/img_0063'
    """
    return path[max(path.find(f'{_SCENES}/'), 0):].strip('/')


def _load_mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    try:
        arrays: dict[str, Any] = loadmat(path, squeeze_me=True, struct_as_record=False)
    except (OSError, ValueError, NotImplementedError, TypeError) as error:
        raise DataError(f'{path} cannot be read ({error}): copy the toolbox again') from error
    return arrays


def _only_file(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise DataError(f'{folder} holds {len(found)} files {pattern}, expected one: copy the '
                        'scene again')
    return found[0]


def _read_depth(path: Path, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return metres, at most 8; 0 = missing."""
    return np.minimum(decode_depth(read_image(path, size, np.uint16)), np.float32(MAX_DEPTH_M))


def _focal_length(path: Path) -> float:
    try:
        return float(path.read_text(encoding='ascii').split()[0])
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f'{path} cannot be read ({error}): copy the scene again') from error
