"""Tests of the raw SSCNet release."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from training.datasets.nyu.fixture import fixture_depth, fixture_volume
from training.datasets.nyu.raw import (
    RawVolume,
    decode_depth,
    encode_depth,
    read_depth,
    read_volume,
    write_depth,
    write_volume,
)

HEADER_BYTES = 76


@given(st.integers(0, 65535))
def test_every_millimetre_survives_encoding(depth_mm: int) -> None:
    metres = np.array([depth_mm / 1000], np.float32)
    assert round(float(decode_depth(encode_depth(metres))[0]) * 1000) == depth_mm


def test_depths_beyond_eight_metres_are_rotated_not_cut() -> None:
    stored = encode_depth(np.array([9.0], np.float32))
    assert stored[0] == ((9000 << 3) & 0xFFFF) | (9000 >> 13)
    assert decode_depth(stored)[0] == np.float32(9.0)


def test_the_real_depth_image_has_its_golden_values(real_release: Path) -> None:
    path = real_release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.png'
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    depth_m = read_depth(path)
    assert (stored[240, 320], stored[100, 100]) == (26880, 24048)
    assert depth_m[[240, 100], [320, 100]].tolist() == pytest.approx([3.36, 3.006])
    valid = depth_m[depth_m > 0].astype(np.float64)
    assert depth_m.size - valid.size == 42011
    assert (valid.min(), valid.max()) == pytest.approx((1.215, 3.703))
    assert valid.mean() == pytest.approx(2.901391, abs=1e-6)


def test_the_real_voxel_file_has_its_golden_values(real_release: Path) -> None:
    path = real_release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.bin'
    volume = read_volume(path)
    assert volume.origin_m == pytest.approx((-1.545918, 0.8907361, -0.05))
    assert volume.T_world_camera[:3, 3] == pytest.approx([0, 0, 1.1794727])
    ids, counts = np.unique(volume.raw_labels, return_counts=True)
    assert dict(zip(ids.tolist(), counts.tolist(), strict=True)) == {
        0: 1558348, 1: 10791, 2: 8803, 3: 35784, 6: 23518, 9: 1185, 12: 6705, 13: 124082,
        20: 17003, 21: 9128, 36: 28672, 255: 6470381}
    runs = np.frombuffer(path.read_bytes(), '<u4', offset=HEADER_BYTES).reshape(-1, 2)
    assert len(runs) == 86494
    assert runs[:4].tolist() == [[255, 1285533], [9, 1], [255, 238], [9, 2]]
    assert runs[-2:].tolist() == [[0, 86], [255, 1900918]]


def test_a_rewritten_real_voxel_file_is_the_same_file(real_release: Path, tmp_path: Path) -> None:
    path = real_release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.bin'
    write_volume(tmp_path / 'copy.bin', read_volume(path))
    assert (tmp_path / 'copy.bin').read_bytes() == path.read_bytes()


def test_the_made_up_files_have_their_golden_sizes_and_values(release: Path) -> None:
    stem = release / 'depthbin' / 'NYUtrain' / 'NYU0003_0000'
    assert stem.with_suffix('.bin').stat().st_size == 582620 == HEADER_BYTES + 8 * 72818
    stored = cv2.imread(str(stem.with_suffix('.png')), cv2.IMREAD_UNCHANGED)
    assert np.unique(stored).tolist() == [0, 16080, 20080]
    assert np.array_equal(read_depth(stem.with_suffix('.png')), fixture_depth())
    volume, expected = read_volume(stem.with_suffix('.bin')), fixture_volume()
    assert np.array_equal(volume.raw_labels, expected.raw_labels)
    assert np.allclose(volume.T_world_camera, expected.T_world_camera)
    assert volume.origin_m == pytest.approx(expected.origin_m)


@pytest.fixture
def volume_file(release: Path, tmp_path: Path) -> Path:
    source = release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.bin'
    (tmp_path / 'frame.bin').write_bytes(source.read_bytes())
    return tmp_path / 'frame.bin'


def rewrite_runs(path: Path, runs: list[tuple[int, int]]) -> None:
    header = path.read_bytes()[:HEADER_BYTES]
    path.write_bytes(header + np.array(runs, '<u4').tobytes())


@pytest.mark.parametrize(('runs', 'fault'), [
    ([(0, 8294399), (37, 1)], 'label 37'),
    ([(0, 100), (2, 100)], '200 cells, expected 8294400'),
    ([(0, 8294395), (2, 5)], '5 occupied cells'),
    ([(255, 8294399)], '0 occupied cells'),
])
def test_wrong_runs_are_named(
    volume_file: Path, runs: list[tuple[int, int]], fault: str,
) -> None:
    rewrite_runs(volume_file, runs)
    with pytest.raises(DataError, match=rf'frame\.bin.*{fault}'):
        read_volume(volume_file)


def test_a_constant_volume_may_count_one_cell_too_few(volume_file: Path) -> None:
    rewrite_runs(volume_file, [(3, 8294399)])
    assert (read_volume(volume_file).raw_labels == 3).all()


@pytest.mark.parametrize('size', [0, 50, 76, 5001])
def test_a_cut_off_voxel_file_is_named(volume_file: Path, size: int) -> None:
    volume_file.write_bytes(volume_file.read_bytes()[:size])
    with pytest.raises(DataError, match=r'frame\.bin.*copy it again'):
        read_volume(volume_file)


def test_a_missing_pose_is_named(volume_file: Path) -> None:
    data = volume_file.read_bytes()
    volume_file.write_bytes(data[:12] + bytes(64) + data[HEADER_BYTES:])
    with pytest.raises(DataError, match='no camera pose'):
        read_volume(volume_file)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'absent\.bin'):
        read_volume(tmp_path / 'absent.bin')
    with pytest.raises(DataError, match=r'absent\.png'):
        read_depth(tmp_path / 'absent.png')


def test_a_depth_image_of_8_bits_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'depth.png'), np.zeros((480, 640), np.uint8))
    with pytest.raises(DataError, match=r'depth\.png is uint8'):
        read_depth(tmp_path / 'depth.png')


def test_a_cut_off_depth_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'depth.png'
    write_depth(path, np.random.default_rng(0).random((480, 640)).astype(np.float32) * 8)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(DataError, match=r'depth\.png is damaged'):
        read_depth(path)


def test_placements_follow_the_pose() -> None:
    pose = np.array([[1, 0, 0, 0.5], [0, 0, 1, 1], [0, -1, 0, 1.2], [0, 0, 0, 1]], np.float64)
    placement = RawVolume(np.zeros((240, 144, 240), np.uint8), (-2.4, 1.0, -0.05), pose).placement
    assert np.allclose(placement.T_camera_voxel @ pose, np.eye(4))
    assert placement.grid.origin_m == (-2.4, 1.0, -0.05)
