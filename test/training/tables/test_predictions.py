"""Tests of reading label volumes that other code wrote."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from training.tables.predictions import FrameFolder, labels_of

SHAPE = (60, 36, 60)
LABELS = np.random.default_rng(0).integers(0, 12, SHAPE).astype(np.uint8)
SCORES = np.eye(12, dtype=np.float32)[LABELS]


@pytest.mark.parametrize('array', [
    LABELS, LABELS.ravel(), LABELS[None], LABELS.ravel()[None], LABELS.astype(np.int64),
    LABELS.astype(np.float64), SCORES, SCORES[None], SCORES.transpose(3, 0, 1, 2),
    SCORES.transpose(3, 0, 1, 2)[None], SCORES.reshape(-1, 12), SCORES.reshape(-1, 12).T,
], ids=lambda array: f'{array.dtype}-{array.shape}')
def test_every_official_layout_means_the_same_labels(array: np.ndarray) -> None:
    assert np.array_equal(labels_of(array, 'file'), LABELS.ravel())


def test_of_equal_scores_the_lowest_id_wins() -> None:
    assert not labels_of(np.ones((12, *SHAPE)), 'file').any()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_other_sizes_are_refused_by_name(shape: list[int]) -> None:
    with pytest.raises(DataError, match=r'a\.npz holds .*expected labels'):
        labels_of(np.zeros(shape, np.uint8), 'a.npz')


@pytest.mark.parametrize(('array', 'message'), [
    (np.full(SHAPE, 0.5), 'no ids'), (np.full(SHAPE, -1), 'no ids'),
    (np.full(SHAPE, 300), 'no ids'), (np.full((12, *SHAPE), np.nan), 'NaN'),
    (np.zeros((60, 60, 36)), 'expected labels'), (np.full(SHAPE, np.nan), 'no ids'),
    (np.full(SHAPE, 'wall'), 'expected labels or scores'),
])
def test_values_that_are_no_labels_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        labels_of(array, 'file')


def write_ply(path: Path, labels: np.ndarray, floor: tuple[int, int, int]) -> None:
    """Write what AMMNet's code writes: integers, one vertex per occupied voxel."""
    colors = load_label_space('nyu12').colors.copy()
    colors[2] = floor
    places = np.argwhere(labels > 0)
    rows = np.hstack([places, colors[labels[labels > 0]]])
    header = ['ply', 'format ascii 1.0', f'element vertex {len(rows)}',
              *(f'property float {axis}' for axis in 'xyz'),
              *(f'property uchar {color}' for color in ('red', 'green', 'blue')), 'end_header']
    path.write_text('\n'.join([*header, *(' '.join(map(str, row)) for row in rows)]) + '\n')


@pytest.mark.parametrize('floor', [(43, 160, 4), (43, 160, 43)])
def test_coloured_vertices_become_labels(tmp_path: Path, floor: tuple[int, int, int]) -> None:
    labels = np.where(np.arange(60)[:, None, None] % 9 == 0, LABELS, 0).astype(np.uint8)
    write_ply(tmp_path / 'NYU0007.ply', labels, floor)
    assert np.array_equal(FrameFolder(tmp_path).labels(7), labels.ravel())


def test_vertices_of_unknown_colour_are_refused(tmp_path: Path) -> None:
    write_ply(tmp_path / '0007.ply', np.where(LABELS == 2, 2, 0), (1, 2, 3))
    with pytest.raises(DataError, match=r'0007\.ply has vertices coloured \(1, 2, 3\)'):
        FrameFolder(tmp_path).labels(7)


def test_a_frame_is_found_by_the_first_four_digits(tmp_path: Path) -> None:
    np.save(tmp_path / 'NYU1449_0000_voxels.npy', LABELS)
    np.save(tmp_path / 'loss12345.npy', LABELS)
    (tmp_path / 'notes0003.txt').touch()
    folder = FrameFolder(tmp_path)
    assert 1449 in folder
    assert not {0, 3, 1234, 12345} & {number for number in range(20000) if number in folder}


def test_the_array_of_a_file_with_several_must_be_named(tmp_path: Path) -> None:
    np.savez(tmp_path / '0001.npz', mine=LABELS, other=LABELS)
    with pytest.raises(DataError, match='holds mine, other: name the labels with --key'):
        FrameFolder(tmp_path).labels(1)
    assert np.array_equal(FrameFolder(tmp_path, key='mine').labels(1), LABELS.ravel())


@pytest.mark.parametrize('name', ['0001.npz', '0001.npy', '0001.ply'])
@pytest.mark.parametrize('share', [0, 0.5, 0.99])
def test_a_cut_file_is_named_with_the_remedy(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    if path.suffix == '.npz':
        np.savez_compressed(path, LABELS)
    elif path.suffix == '.npy':
        np.save(path, LABELS)
    else:
        write_ply(path, np.where(LABELS == 3, 3, 0), (43, 160, 43))
    data = path.read_bytes()
    path.write_bytes(data[:int(share * len(data))])
    with pytest.raises(DataError, match=f'{name} is damaged.*--skip-broken'):
        FrameFolder(tmp_path).labels(1)


def test_vertices_outside_the_grid_are_refused(tmp_path: Path) -> None:
    write_ply(tmp_path / '0007.ply', np.pad(np.full((1, 1, 1), 3), ((60, 0), (0, 0), (0, 0))),
              (43, 160, 43))
    with pytest.raises(DataError, match=r'damaged \(vertices outside'):
        FrameFolder(tmp_path).labels(7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(['0001.npz', '0001.npy', '0001.ply']), st.floats(0, 1), st.floats(0, 0.1),
       st.binary(min_size=1, max_size=3))
def test_no_damage_leads_to_anything_but_labels_or_a_named_file(
    tmp_path: Path, name: str, where: float, head: float, noise: bytes,
) -> None:
    path = tmp_path / 'folder' / name
    path.parent.mkdir(exist_ok=True)
    for other in path.parent.iterdir():
        other.unlink()
    few = np.where(np.arange(60)[:, None, None] == 7, LABELS, 0).astype(np.uint8)
    if path.suffix == '.npz':
        np.savez_compressed(path, few)
    elif path.suffix == '.npy':
        np.save(path, few)
    else:
        write_ply(path, few, (43, 160, 43))
    data = bytearray(path.read_bytes())
    for share in (where, head * where):  # headers are short: aim at them, too
        start = int(share * (len(data) - 1))
        data[start:start + len(noise)] = noise
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # NumPy warns of some damage that it then reads
        try:
            labels = FrameFolder(path.parent).labels(1)
        except DataError as error:
            assert name in str(error)
        else:
            assert labels.shape == (60 * 36 * 60,)


@pytest.mark.parametrize('suffix', ['npy', 'npz'])
def test_nothing_is_ever_unpickled(tmp_path: Path, suffix: str) -> None:
    array = np.array([{'labels': 1}], dtype=object)
    path = tmp_path / f'0001.{suffix}'
    np.save(path, array) if suffix == 'npy' else np.savez(path, array)
    with pytest.raises(DataError, match=r'damaged.*allow_pickle'):
        FrameFolder(tmp_path).labels(1)


def test_two_files_for_one_frame_are_refused(tmp_path: Path) -> None:
    for name in ('0001.npy', 'NYU0001.npy'):
        np.save(tmp_path / name, LABELS)
    with pytest.raises(DataError, match='both hold frame 0001'):
        FrameFolder(tmp_path)


def test_missing_frames_are_counted_and_named(tmp_path: Path) -> None:
    np.save(tmp_path / '0001.npy', LABELS)
    with pytest.raises(DataError, match=r'11 frames have no prediction: 0002, 0003.* and 3 more'):
        FrameFolder(tmp_path).check_complete(range(1, 13))
    with pytest.raises(DataError, match='frame 0002 has no file'):
        FrameFolder(tmp_path).labels(2)


def test_an_empty_or_absent_folder_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'expected files such as 0001\.npz'):
        FrameFolder(tmp_path)
    with pytest.raises(DataError, match='no folder'):
        FrameFolder(tmp_path / 'absent')
