"""Tests of SUN RGB-D in both layouts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.nyu.raw import decode_depth, encode_depth
from training.datasets.segmentation import SunImages

SIZES = ((53, 73), (42, 56))
FOLDERS = ('SUNRGBD/kv2/kinect2data/000002', 'SUNRGBD/kv1/b3dodata/img_0063')


def labels_of(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 38, SIZES[index]).astype(np.uint8)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    h5py, scipy_io = pytest.importorskip('h5py'), pytest.importorskip('scipy.io')
    toolbox = tmp_path / 'SUNRGBDtoolbox'
    for name in ('Metadata', 'traintestSUNRGBD'):
        (toolbox / name).mkdir(parents=True)
    meta = np.zeros((1, 2), dtype=[('sequenceName', object)])
    for index, folder in enumerate(FOLDERS):
        meta['sequenceName'][0, index] = folder
        write_scene(tmp_path / folder, index)
    scipy_io.savemat(toolbox / 'Metadata' / 'SUNRGBDMeta.mat', {'SUNRGBDMeta': meta})
    paths = {name: np.array([f'/n/fs/sun3d/data/{folder}/'], object)
             for name, folder in zip(('alltest', 'alltrain'), FOLDERS, strict=True)}
    scipy_io.savemat(toolbox / 'traintestSUNRGBD' / 'allsplit.mat', paths)
    with h5py.File(toolbox / 'Metadata' / 'SUNRGBD2Dseg.mat', 'w') as file:
        references = file.create_dataset('SUNRGBD2Dseg/seglabel', (2, 1), h5py.ref_dtype)
        for index in range(2):
            stored = file.create_dataset(f'#refs#/{index}', data=labels_of(index).T)
            references[index, 0] = stored.ref
    return tmp_path


def write_scene(folder: Path, index: int) -> None:
    for name in ('image', 'depth_bfx'):
        (folder / name).mkdir(parents=True)
    cv2.imwrite(str(folder / 'image' / '0001.jpg'), np.full((*SIZES[index], 3), 90, np.uint8))
    depth_m = np.full(SIZES[index], 2.5, np.float32)
    depth_m[0, 0] = 8.19
    cv2.imwrite(str(folder / 'depth_bfx' / '0001.png'), encode_depth(depth_m))
    (folder / 'intrinsics.txt').write_text('520.5 0 30 0 520.5 20 0 0 1')


def test_the_published_tree_gives_images_of_their_own_sizes(published: Path) -> None:
    train, test = SunImages(published, 'train'), SunImages(published, 'test')
    assert (train.names, test.names) == ((2,), (1,))
    for images, index in ((test, 0), (train, 1)):
        image = images[0]
        assert image.rgb.shape == (*SIZES[index], 3)
        assert np.array_equal(image.labels, labels_of(index))
        assert image.depth_m[0, 0] == 8
        assert image.depth_m[1, 1] == 2.5
        assert image.focal_length_px == 520.5


def test_repackaged_labels_count_through_the_splits(tmp_path: Path) -> None:
    for name in ('sunrgbd_train_test_labels', 'SUNRGBD-train_images', 'SUNRGBD-test_images',
                 'sunrgbd_train_depth'):
        (tmp_path / name).mkdir()
    for index, (number, split) in enumerate(((1, 'test'), (5051, 'train'))):
        cv2.imwrite(str(tmp_path / 'sunrgbd_train_test_labels' / f'img-{number:06d}.png'),
                    labels_of(index))
        cv2.imwrite(str(tmp_path / f'SUNRGBD-{split}_images' / 'img-000001.jpg'),
                    np.zeros((*SIZES[index], 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'sunrgbd_train_depth' / '1.png'),
                encode_depth(np.full(SIZES[1], 3.0, np.float32)))
    test, train = SunImages(tmp_path, 'test'), SunImages(tmp_path, 'train')
    assert (test.names, train.names) == ((1,), (5051,))
    assert np.array_equal(test[0].labels, labels_of(0))
    assert test[0].depth_m is None
    assert (train[0].depth_m == 3).all()
    with pytest.raises(DataError, match='use train, test or numbers'):
        SunImages(tmp_path, 'val')


def test_the_depth_code_goes_there_and_back() -> None:
    millimetres = np.arange(65536, dtype=np.uint32)
    depth_m = (millimetres / 1000).astype(np.float32)
    assert np.array_equal(np.rint(decode_depth(encode_depth(depth_m)) * 1000), millimetres)


def test_foreign_labels_and_broken_scenes_are_named(published: Path) -> None:
    h5py = pytest.importorskip('h5py')
    path = published / 'SUNRGBDtoolbox' / 'Metadata' / 'SUNRGBD2Dseg.mat'
    with h5py.File(path, 'r+') as file:
        file['#refs#/0'][0, 0] = 38
    with pytest.raises(DataError, match=r'SUNRGBD2Dseg\.mat, image 000001, holds label 38'):
        SunImages(published, 'test')[0]
    image = next((published / FOLDERS[1]).glob('image/*.jpg'))
    image.write_bytes(image.read_bytes()[:100])
    with pytest.raises(DataError, match=f'{image.name} is damaged'):
        SunImages(published, 'train')[0]
    image.unlink()
    with pytest.raises(DataError, match=r'img_0063/image holds 0 files \*\.jpg'):
        SunImages(published, 'train')[0]


def test_other_folders_are_refused(tmp_path: Path, published: Path) -> None:
    (published / 'SUNRGBDtoolbox' / 'traintestSUNRGBD' / 'allsplit.mat').write_bytes(b'x' * 200)
    with pytest.raises(DataError, match=r'allsplit\.mat cannot be read'):
        SunImages(published, 'train')
    with pytest.raises(DataError, match='holds no SUN RGB-D with labels'):
        SunImages(tmp_path / 'none', 'train')


def test_real_scenes_hold_what_the_reader_expects(shared_data: Path) -> None:
    from training.datasets.segmentation.sunrgbd import _focal_length, _only_file, _read_depth
    folder = shared_data / 'sunrgbd' / 'img_0063'
    if not folder.is_dir():
        pytest.skip('no SUN RGB-D scenes')
    image = cv2.imread(str(_only_file(folder / 'image', '*.jpg')))
    depth_m = _read_depth(_only_file(folder / 'depth_bfx', '*.png'), image.shape[:2])
    assert image.shape == (427, 561, 3)
    assert depth_m.min() > 1.4
    assert depth_m.max() < 2.6
    assert 400 < _focal_length(folder / 'intrinsics.txt') < 600
