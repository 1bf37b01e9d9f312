"""Tests of packed folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.nyu import NyuSamples
from training.datasets.nyu.packed import pack

SPLITS = {'train': (3, 4, 5), 'test': (1, 2)}
ARRAYS = ('rgb', 'tsdf', 'label_weight', 'pixel_of_voxel', 'labels', 'label_map13', 'label_map40',
          'depth_m')


@pytest.fixture(scope='module')
def folder(tiny_nyu: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(NyuSamples(tiny_nyu, 'all'), tmp_path_factory.mktemp('packed') / 'nyu', SPLITS)


def test_packed_frames_equal_the_files(tiny_nyu: Path, folder: Path) -> None:
    for split in ('train', 'test', [2, 5]):
        packed, files = NyuSamples(folder, split), NyuSamples(tiny_nyu, split)
        assert packed.frame_ids == files.frame_ids
        for one, other in zip(packed, files, strict=True):
            assert one.camera == other.camera
            assert one.placement.grid == other.placement.grid
            assert np.array_equal(one.placement.T_camera_voxel, other.placement.T_camera_voxel)
            for name in ARRAYS:
                assert getattr(one, name).dtype == getattr(other, name).dtype
                assert getattr(one, name).flags.writeable, name
                assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_half_precision_rounds_distances_only(tiny_nyu: Path, tmp_path: Path) -> None:
    files = NyuSamples(tiny_nyu, [4], images=())
    half = pack(files, tmp_path / 'half', SPLITS, tsdf_dtype='float16')
    sample = NyuSamples(half, 'train')[0]
    assert sample.tsdf.dtype == np.float32
    assert 0 < np.abs(sample.tsdf - files[0].tsdf).max() <= 2.5e-4
    assert np.array_equal(sample.labels, files[0].labels)
    assert sample.rgb is None
    assert not (half / 'rgb.npy').exists()


def test_images_of_a_packed_folder_are_read_only_when_asked_for(folder: Path) -> None:
    sample = NyuSamples(folder, 'test', images=['label_map40'])[0]
    assert sample.label_map40 is not None
    assert sample.rgb is sample.label_map13 is sample.depth_m is None


def test_an_existing_folder_is_not_overwritten(tiny_nyu: Path, folder: Path) -> None:
    with pytest.raises(DataError, match='exists'):
        pack(NyuSamples(tiny_nyu, 'test'), folder, SPLITS)


def test_an_interrupted_packing_leaves_nothing_that_looks_whole(
    tiny_nyu: Path, tmp_path: Path,
) -> None:
    class Interrupted(NyuSamples):
        def __getitem__(self, index):
            if index == 1:
                raise KeyboardInterrupt
            return super().__getitem__(index)
    with pytest.raises(KeyboardInterrupt):
        pack(Interrupted(tiny_nyu, 'test', images=()), tmp_path / 'nyu', SPLITS)
    assert not (tmp_path / 'nyu').exists()
    assert len(NyuSamples(pack(
        NyuSamples(tiny_nyu, 'test', images=()), tmp_path / 'nyu', SPLITS), 'test')) == 2


def test_damage_and_gaps_are_named(tiny_nyu: Path, tmp_path: Path) -> None:
    folder = pack(NyuSamples(tiny_nyu, 'test', images=()), tmp_path / 'nyu', SPLITS)
    with pytest.raises(DataError, match='0003 was not packed'):
        NyuSamples(folder, [1, 3])
    with pytest.raises(DataError, match='train, test and all'):
        NyuSamples(folder, 'val')
    np.save(folder / 'tsdf.npy', np.zeros((2, 3), np.float32))
    with pytest.raises(DataError, match=r'tsdf\.npy is \(2, 3\).*pack the data set again'):
        NyuSamples(folder, 'test')
    (folder / 'tsdf.npy').write_bytes(b'')
    with pytest.raises(DataError, match=r'tsdf\.npy cannot be read'):
        NyuSamples(folder, 'test')
    index = folder / 'packed.json'
    index.write_text(json.dumps({**json.loads(index.read_text()), 'format': 0}))
    with pytest.raises(DataError, match='format 0, expected 1'):
        NyuSamples(folder, 'test')


def test_volumes_of_another_depth_are_not_passed_off(tiny_nyu: Path, tmp_path: Path) -> None:
    files = NyuSamples(tiny_nyu, 'test', images=())
    kinect = pack(files, tmp_path / 'kinect', SPLITS, options=files.options)
    with pytest.raises(DataError, match='packed with volumes kinect, asked for are cad, own'):
        NyuSamples(kinect, 'test', depth_source='cad', cad_weights='own')
    options = replace(files.options, depth_source='cad')
    cad = pack(files, tmp_path / 'cad', SPLITS, options=options)
    assert len(NyuSamples(cad, 'test', images=(), depth_source='cad')) == 2
    with pytest.raises(DataError, match='cad, official weights, asked for are kinect'):
        NyuSamples(cad, 'test')


def test_frames_that_differ_in_their_images_are_refused(tiny_nyu: Path, tmp_path: Path) -> None:
    one = NyuSamples(tiny_nyu, [1])[0]
    other = NyuSamples(tiny_nyu, [2], images=())[0]
    with pytest.raises(DataError, match='0002 has'):
        pack([one, other], tmp_path / 'nyu', SPLITS)
