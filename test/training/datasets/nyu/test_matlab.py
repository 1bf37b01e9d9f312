"""Tests of the NYU Depth v2 MATLAB file."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from training.datasets.nyu.matlab import extract_images, official_nyu40

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 480, 640, 3)).astype(np.uint8)
LABELS = RNG.integers(0, 895, (2, 480, 640)).astype(np.uint16)


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    h5py = pytest.importorskip('h5py')
    with h5py.File(tmp_path / 'labeled.mat', 'w') as file:
        file['images'] = IMAGES.transpose(0, 3, 2, 1)
        file['labels'] = LABELS.transpose(0, 2, 1)
    return tmp_path / 'labeled.mat'


def test_the_forty_classes_are_the_published_ones() -> None:
    ids = official_nyu40(np.arange(895))
    assert ids[0] == 0
    assert zlib.crc32(ids[1:].tobytes()) == 3532168507


def test_forty_classes_become_those_of_the_volumes() -> None:
    expected = [3, 2, 10, 6, 5, 7, 8, 11, 4, 10, 11, 10, 4, 8, 10, 4, 10, 11, 11, 2, 11, 1, 11, 11,
                9, 11, 11, 11, 11, 11, 11, 10, 10, 11, 11, 10, 11, 11, 10, 11]
    ids = load_label_space('nyu12').remap(np.arange(41, dtype=np.uint8), 'nyu40')
    assert ids.tolist() == [255, *expected]


def test_image_k_becomes_frame_k_plus_one(mat: Path, tmp_path: Path) -> None:
    assert extract_images(mat, tmp_path / 'NYU') == 2
    for frame_id in (1, 2):
        bgr = cv2.imread(str(tmp_path / 'NYU' / 'RGB' / f'NYU{frame_id:04d}_colors.png'))
        assert np.array_equal(bgr[..., ::-1], IMAGES[frame_id - 1])
        ids = cv2.imread(str(tmp_path / 'NYU' / 'Label40' / f'{frame_id:04d}.png'), -1)
        assert np.array_equal(ids, official_nyu40(LABELS[frame_id - 1]))


def test_some_frames_can_be_asked_for(mat: Path, tmp_path: Path) -> None:
    assert extract_images(mat, tmp_path / 'NYU', [2]) == 1
    assert not (tmp_path / 'NYU' / 'RGB' / 'NYU0001_colors.png').exists()
    with pytest.raises(DataError, match='frames 1 to 2'):
        extract_images(mat, tmp_path / 'NYU', [3])


def test_other_files_are_refused(mat: Path, tmp_path: Path) -> None:
    import h5py
    with pytest.raises(DataError, match=r'absent\.mat cannot be read'):
        extract_images(tmp_path / 'absent.mat', tmp_path)
    with h5py.File(tmp_path / 'other.mat', 'w') as file:
        file['images'] = np.zeros((1, 3, 4, 5), np.uint8)
    with pytest.raises(DataError, match=r'other\.mat holds images \(1, 3, 4, 5\)'):
        extract_images(tmp_path / 'other.mat', tmp_path)
