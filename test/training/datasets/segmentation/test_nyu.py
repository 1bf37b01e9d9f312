"""Tests of NYUv2 with 40 classes in its layouts."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.nyu import NyuSamples
from training.datasets.nyu.matlab import MAT_FILE
from training.datasets.nyu.packed import pack
from training.datasets.segmentation import NyuImages


@pytest.fixture
def sparse_package(tiny_nyu: Path, tmp_path: Path) -> Path:
    root = tmp_path / 'nyu'
    shutil.copytree(tiny_nyu, root, ignore=shutil.ignore_patterns('Depth', 'TSDF', 'Label'))
    return root


@pytest.fixture
def mat_file(tmp_path: Path) -> Path:
    h5py = pytest.importorskip('h5py')
    rng = np.random.default_rng(0)
    path = tmp_path / MAT_FILE
    with h5py.File(path, 'w') as file:
        file['images'] = rng.integers(0, 256, (3, 3, 640, 480)).astype(np.uint8)
        labels = rng.integers(0, 895, (3, 640, 480)).astype(np.uint16)
        labels[0, 5, 7] = 21  # wall
        file['labels'] = labels
        file['depths'] = rng.uniform(0.5, 9.9, (3, 640, 480)).astype(np.float32)
    return path


def test_a_package_gives_colours_official_labels_and_measured_depth(tiny_nyu: Path) -> None:
    images = NyuImages(tiny_nyu, 'train')
    assert images.names == (3, 4, 5)
    image, sample = images[0], NyuSamples(tiny_nyu, [3])[0]
    assert image.frame_id == '0003'
    assert np.array_equal(image.rgb, sample.rgb)
    assert np.array_equal(image.labels, sample.label_map40)
    assert np.array_equal(image.depth_m, sample.depth_m)
    assert not image.has_sparse_depth
    assert [each.frame_id for each in images[1:]] == ['0004', '0005']


def test_without_depth_images_depth_is_known_where_pixels_own_voxels(
    tiny_nyu: Path, sparse_package: Path,
) -> None:
    image, dense = NyuImages(sparse_package, [3])[0], NyuImages(tiny_nyu, [3])[0]
    assert image.has_sparse_depth
    known = image.depth_m > 0
    assert 0 < known.sum() < 10_000
    # Within half a voxel's diagonal.
    assert np.abs(image.depth_m - dense.depth_m)[known].max() < 0.08 * 3 ** 0.5 / 2


def test_without_mapping_or_poses_there_is_no_depth(sparse_package: Path) -> None:
    (sparse_package / 'camera_poses.npz').unlink()
    assert NyuImages(sparse_package, [3])[0].depth_m is None


def test_a_packed_folder_gives_the_same(tiny_nyu: Path, tmp_path: Path) -> None:
    samples = NyuSamples(tiny_nyu, 'all', images=('rgb', 'label_map40', 'depth'))
    folder = pack(list(samples), tmp_path / 'packed', {'train': (3, 4, 5), 'test': (1, 2)})
    packed, loose = NyuImages(folder, 'test'), NyuImages(tiny_nyu, 'test')
    assert packed.names == loose.names == (1, 2)
    for ours, theirs in zip(packed, loose, strict=True):
        assert np.array_equal(ours.labels, theirs.labels)
        assert np.array_equal(ours.depth_m, theirs.depth_m)
    bare = NyuSamples(tiny_nyu, [1], images=())
    without = pack(list(bare), tmp_path / 'bare', {'test': (1,)})
    with pytest.raises(DataError, match='without colours'):
        NyuImages(without, 'test')[0]


def test_the_published_release_counts_from_0_and_has_no_depth(
    tiny_nyu: Path, tmp_path: Path,
) -> None:
    loose = NyuImages(tiny_nyu, [1])[0]
    for name, image in (('input/00000.jpg', loose.rgb), ('labels_40/00000.png', loose.labels)):
        (tmp_path / name).parent.mkdir()
        cv2.imwrite(str(tmp_path / name), image)
    images = NyuImages(tmp_path, 'test')
    assert images.names == (1,)
    assert np.array_equal(images[0].labels, loose.labels)
    assert images[0].depth_m is None
    with pytest.raises(DataError, match="split 'val' is unknown"):
        NyuImages(tmp_path, 'val')


def test_the_official_file_is_read_frame_by_frame(mat_file: Path) -> None:
    h5py = pytest.importorskip('h5py')
    images = NyuImages(mat_file.parent, 'all')
    assert images.names == (1, 2, 3)
    assert NyuImages(mat_file, 'test').names == (1, 2)  # of the standard split
    with h5py.File(mat_file) as file:
        image = pickle.loads(pickle.dumps(images))[0]
        assert np.array_equal(image.rgb[7, 5], file['images'][0, :, 5, 7])
        assert image.depth_m[7, 5] == file['depths'][0, 5, 7]
    assert image.labels[7, 5] == 1
    assert set(np.unique(image.labels)) == set(range(41))
    with pytest.raises(DataError, match='frames 1 to 3, asked for was 4'):
        NyuImages(mat_file, [4])[0]


def test_foreign_labels_name_their_file(
    tiny_nyu: Path, mat_file: Path, tmp_path: Path,
) -> None:
    h5py = pytest.importorskip('h5py')
    with h5py.File(mat_file, 'r+') as file:
        file['labels'][1, 0, 0] = 895
    with pytest.raises(DataError, match=rf'{MAT_FILE}, frame 0002: id 895 is outside'):
        NyuImages(mat_file, [2])[0]
    root = tmp_path / 'foreign'
    shutil.copytree(tiny_nyu, root)
    cv2.imwrite(str(root / 'Label40' / '0003.png'), np.full((480, 640), 41, np.uint8))
    with pytest.raises(DataError, match=r'Label40/0003\.png holds label 41, expected 0 to 40'):
        NyuImages(root, [3])[0]


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip('h5py')
    with pytest.raises(DataError, match='holds no NYUv2 with 40 classes'):
        NyuImages(tmp_path, 'test')
    path = tmp_path / 'other.mat'
    with h5py.File(path, 'w') as file:
        file['images'] = np.zeros((1, 3, 4, 4), np.uint8)
    with pytest.raises(DataError, match=f'it is not {MAT_FILE}'):
        NyuImages(path, 'test')
    path.write_bytes(b'MATLAB 5.0')
    with pytest.raises(DataError, match='cannot be read'):
        NyuImages(path, 'test')


@pytest.mark.slow
def test_the_real_images_have_the_published_class_shares(shared_data: Path) -> None:
    if not (shared_data / 'nyu' / 'Label40').is_dir():
        pytest.skip('no NYUv2 package')
    published = [
        26.17, 11.13, 7.96, 4.26, 4.10, 2.86, 2.45, 2.43, 2.67, 2.33, 2.42, 1.62, 1.90, 1.20, 1.50,
        1.20, 1.10, 0.97, 1.29, 0.78, 1.02, 1.76, 0.65, 0.64, 0.67, 0.45, 0.40, 0.49, 0.50, 0.32,
        0.37, 0.31, 0.34, 0.29, 0.33, 0.26, 0.25, 2.75, 2.27, 5.60]
    counts = np.zeros(41, np.int64)
    for path in NyuImages(shared_data / 'nyu', 'train').names:
        labels = cv2.imread(str(shared_data / 'nyu' / 'Label40' / f'{path:04d}.png'), -1)
        counts += np.bincount(labels.ravel(), minlength=41)
    np.testing.assert_allclose(100 * counts[1:] / counts[1:].sum(), published, atol=0.05)
    assert 100 * counts[0] / counts.sum() == pytest.approx(17.6, abs=0.05)
