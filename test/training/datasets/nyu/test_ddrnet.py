"""Tests of the DDRNet and PALNet files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.geometry.tsdf import SSCNET_TSDF, compute_tsdf
from training.datasets.nyu import NyuSamples
from training.datasets.nyu.conventions import CAMERAS, NO_PIXEL
from training.datasets.nyu.ddrnet import (
    evaluation_set,
    pixel_of_voxel_from_position,
    surface_code,
    unflipped,
)
from training.datasets.nyu.fixture import fixture_depth, fixture_volume
from training.datasets.nyu.regions import label_weight

NAME = 'NYU0003_0000_voxels.npz'


@pytest.fixture(scope='module')
def arrays(tiny_nyu: Path) -> dict[str, np.ndarray]:
    placement = fixture_volume().placement
    fine = compute_tsdf(
        fixture_depth(), CAMERAS['sscnet'], placement.grid, placement.T_camera_voxel,
        subdivision=4, settings=SSCNET_TSDF)
    sample = NyuSamples(tiny_nyu, [3])[0]
    flipped = np.repeat(np.repeat(np.repeat(fine.values, 4, 0), 4, 1), 4, 2)
    position = np.zeros((480, 640), np.int32)
    position[10, 20:23] = np.ravel_multi_index((8, 9, 10), (240, 144, 240))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rgb = ((sample.rgb / 255 - mean) / std).astype(np.float32).transpose(2, 0, 1)
    return {'rgb': rgb, 'depth': fixture_depth()[None], 'tsdf_hr': flipped[..., None],
            'target_lr': sample.labels, 'position': position}


@pytest.fixture
def root(arrays: dict[str, np.ndarray], tmp_path: Path) -> Path:
    (tmp_path / 'NYUtrain_npz').mkdir()
    np.savez(tmp_path / 'NYUtrain_npz' / NAME, **arrays)
    return tmp_path


def test_frames_are_read(root: Path, tiny_nyu: Path, arrays: dict[str, np.ndarray]) -> None:
    samples, reference = NyuSamples(root, 'train'), NyuSamples(tiny_nyu, [3])[0]
    assert samples.frame_ids == (3,)
    sample = samples[0]
    assert np.array_equal(sample.rgb, reference.rgb)
    assert np.array_equal(sample.labels, reference.labels)
    assert np.array_equal(sample.depth_m, fixture_depth())
    assert np.allclose(sample.tsdf, unflipped(arrays['tsdf_hr'][::4, ::4, ::4, 0]), atol=1e-6)
    assert np.array_equal(sample.label_weight, label_weight(sample.labels, sample.tsdf))
    assert sample.camera.cx == 320


def test_names_of_older_files_are_read(
    tmp_path: Path, root: Path, arrays: dict[str, np.ndarray],
) -> None:
    old = {**arrays, 'voxels': arrays['tsdf_hr'], 'rgb_tesnor': arrays['rgb']}
    del old['tsdf_hr'], old['rgb']
    (tmp_path / 'old').mkdir()
    np.savez(tmp_path / 'old' / NAME, **old)
    sample, expected = NyuSamples(tmp_path / 'old', [3])[0], NyuSamples(root, [3])[0]
    assert np.array_equal(sample.tsdf, expected.tsdf)
    assert np.array_equal(sample.rgb, expected.rgb)


def test_the_last_pixel_of_a_voxel_owns_it() -> None:
    position = np.zeros((480, 640), np.int32)
    cells = ([8, 11, 12], [9, 8, 9], [10, 11, 10])
    position[10, 20:23] = np.ravel_multi_index(cells, (240, 144, 240))
    pixel_of_voxel = pixel_of_voxel_from_position(position)
    visible = np.flatnonzero(pixel_of_voxel != NO_PIXEL)
    assert visible.tolist() == [(2 * 36 + 2) * 60 + 2, (3 * 36 + 2) * 60 + 2]
    assert pixel_of_voxel[visible].tolist() == [10 * 640 + 21, 10 * 640 + 22]


def test_flipping_is_undone() -> None:
    flipped = np.array([1, 0.75, 0.001, -0.001, -0.25], np.float32)
    assert unflipped(flipped).tolist() == [0, 0.25, 1, -1, -0.75]


def test_the_code_counts_surface_cells() -> None:
    cells = np.full((4, 4, 16), 0.001, np.float32)
    cells[0, 0, :3] = 1  # three surface cells
    cells[0, 0, 4:6] = 1  # two
    cells[0, 0, 8] = -0.5  # occluded only
    code = surface_code(cells)
    assert code.ravel().tolist() == [1, np.float32(-0.001), np.float32(-0.001), np.float32(0.001)]
    labels = np.array([2, 255, 0, 0], np.uint8).reshape(1, 1, 4)
    assert evaluation_set(code, labels).ravel().tolist() == [True, False, True, False]


@pytest.mark.parametrize(('key', 'value', 'fault'), [
    ('tsdf_hr', np.zeros((60, 36, 60)), 'expected .240, 144, 240.'),
    ('tsdf_hr', np.full((240, 144, 240), 2, np.float32), r'leaves \[-1, 1\]'),
    ('target_lr', np.full((60, 36, 60), 36), 'label 36'),
])
def test_wrong_arrays_name_the_file(
    root: Path, arrays: dict[str, np.ndarray], key: str, value: np.ndarray, fault: str,
) -> None:
    np.savez(root / 'NYUtrain_npz' / NAME, **{**arrays, key: value})
    with pytest.raises(DataError, match=rf'{NAME}.*{fault}'):
        NyuSamples(root, [3])[0]


def test_a_missing_frame_is_named(root: Path) -> None:
    with pytest.raises(DataError, match=r'NYU0009_0000_voxels\.npz'):
        NyuSamples(root, [9])
