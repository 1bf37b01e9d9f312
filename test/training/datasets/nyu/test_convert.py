"""Tests of the converter and of verification against the raw release."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.geometry.tsdf import SSCNET_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_settings import TsdfSettings
from training.datasets.nyu import NyuSamples
from training.datasets.nyu.conventions import CAMERAS
from training.datasets.nyu.convert import (
    ConversionOptions,
    convert,
    convert_frame,
    find_raw_frames,
    load_and_convert,
)
from training.datasets.nyu.fixture import fixture_depth, fixture_volume
from training.datasets.nyu.verify import Difference, compare, verify


@pytest.fixture(scope='module')
def two_frames(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the raw release with one frame per split."""
    root = Path(shutil.copytree(release, tmp_path_factory.mktemp('raw') / 'release'))
    for name in ('NYUtrain/NYU0004_0000', 'NYUtrain/NYU0005_0000', 'NYUtest/NYU0002_0000'):
        for suffix in ('.bin', '.png'):
            (root / 'depthbin' / name).with_suffix(suffix).unlink()
    return root


@pytest.fixture(scope='module')
def converted(two_frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('converted')
    report = convert(two_frames, out, rgb_root=two_frames)
    assert sorted(report.placements) == [1, 3]
    assert not report.broken
    return out / 'NYU'


def test_a_converted_release_is_the_package(converted: Path, tiny_nyu: Path) -> None:
    assert NyuSamples(converted, 'train').frame_ids == (3,)
    for one, other in zip(NyuSamples(converted, 'all'), NyuSamples(tiny_nyu, [1, 3]), strict=True):
        for name in ('rgb', 'tsdf', 'label_weight', 'pixel_of_voxel', 'labels', 'depth_m'):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert np.allclose(one.placement.T_camera_voxel, other.placement.T_camera_voxel)


def test_files_have_the_published_names_keys_and_types(converted: Path) -> None:
    expected = {
        'TSDF': {'arr_0': np.float32, 'arr_1': np.float64}, 'Mapping': {'arr_0': np.int64},
        'Label': {'arr_0': np.int32}}
    for kind, types in expected.items():
        with np.load(converted / kind / '0003.npz') as archive:
            assert {key: archive[key].dtype for key in archive.files} == types
            assert all(archive[key].shape == (129600,) for key in archive.files)


def test_the_real_frame_is_reproduced(real_release: Path, real_package: Path) -> None:
    raw = find_raw_frames(real_release, 'NYU')[1]
    sample = NyuSamples(real_package, [1], images=())[0]
    difference = compare(sample, load_and_convert(raw, ConversionOptions()))
    assert (difference.mapping, difference.labels, difference.weights) == (0, 0, 0)
    assert difference.tsdf <= 5
    assert difference.tsdf_max <= 1 / 64 + 1e-6
    assert difference.is_acceptable
    other = load_and_convert(raw, ConversionOptions(camera='sscnet'))
    assert not compare(sample, other).is_acceptable


def test_fine_distances_have_their_golden_counts() -> None:
    placement = fixture_volume().placement
    grid = VoxelGrid(placement.grid.origin_m, 0.02, (240, 144, 240), 'xzy')
    fine = compute_tsdf(
        fixture_depth(), CAMERAS['nyu'], grid, placement.T_camera_voxel, subdivision=1)
    values = [int((fine.values == value).sum()) for value in (-1, 1, 0)]
    assert values == [4915363, 227683, 2526662]
    assert int((fine.pixel_of_voxel != 307200).sum()) == 15637


@pytest.mark.slow
def test_the_golden_number_of_fine_cells_is_in_view() -> None:
    placement = fixture_volume().placement
    # A cell's place is its corner: the centre of a grid shifted by half a cell.
    x, y, z = (value - 0.01 for value in placement.grid.origin_m)
    grid = VoxelGrid((x, y, z), 0.02, (240, 144, 240), 'xzy')
    table = project_voxels(grid, placement.T_camera_voxel, CAMERAS['nyu'])
    assert int(table.in_view.sum()) == 5867586


def test_weights_follow_the_plain_distances_whatever_is_stored(tiny_nyu: Path) -> None:
    plain = NyuSamples(tiny_nyu, [3], images=())[0]
    flipped = convert_frame(
        fixture_depth(), fixture_volume(), ConversionOptions(tsdf=SSCNET_TSDF))
    assert np.array_equal(flipped.label_weight, plain.label_weight)
    assert not np.allclose(flipped.tsdf, plain.tsdf)
    is_unknown = (plain.tsdf == 0) & (plain.pixel_of_voxel == 307200).reshape(60, 36, 60)
    assert np.median(flipped.tsdf[is_unknown]) == np.float32(0.001)
    started = convert_frame(
        fixture_depth(), fixture_volume(),
        ConversionOptions(tsdf=TsdfSettings(unobserved=1.0)))
    assert np.median(started.tsdf[is_unknown]) == 1


def test_verification_finds_what_was_changed(converted: Path, two_frames: Path) -> None:
    samples = NyuSamples(converted, 'train', images=())
    assert [entry.is_acceptable for entry in verify(samples, two_frames)] == [True]
    [other] = verify(samples, two_frames, options=ConversionOptions(camera='sscnet'))
    assert other.mapping > 100
    assert not other.is_acceptable


def test_verification_without_raw_files_only_reads(tiny_nyu: Path) -> None:
    entries = list(verify(NyuSamples(tiny_nyu, 'test', images=()), None))
    assert entries == [Difference(1), Difference(2)]
    assert all(entry.is_acceptable and not entry.is_compared for entry in entries)


def test_verification_needs_common_frames(tiny_nyu: Path, two_frames: Path) -> None:
    with pytest.raises(DataError, match='no frame in common'):
        next(verify(NyuSamples(tiny_nyu, [4]), two_frames))


def test_damaged_raw_frames_stop_the_conversion_unless_skipped(
    two_frames: Path, tmp_path: Path,
) -> None:
    root = Path(shutil.copytree(two_frames, tmp_path / 'release'))
    (root / 'depthbin' / 'NYUtest' / 'NYU0001_0000.png').unlink()
    with pytest.raises(DataError, match=r'NYU0001_0000\.png'):
        convert(root, tmp_path / 'one')
    report = convert(root, tmp_path / 'two', skip_broken=True)
    assert sorted(report.placements) == [3]
    assert [frame.frame_id for frame in report.broken] == [1]
    assert 'NYU0001_0000.png' in report.broken[0].reason


def test_a_folder_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'no NYUCAD frame.*NYUCADtest/NYU0001_0000\.bin'):
        convert(tmp_path, tmp_path / 'out', 'NYUCAD')


def test_nyucad_is_converted_beside_nyu_and_read_with_it(
    two_frames: Path, converted: Path, tmp_path: Path,
) -> None:
    root = tmp_path / 'release'
    shutil.copytree(two_frames / 'depthbin' / 'NYUtrain', root / 'depthbin' / 'NYUCADtrain')
    shutil.copytree(converted, tmp_path / 'NYU')
    convert(root, tmp_path, 'NYUCAD')
    kinect = NyuSamples(tmp_path / 'NYU', [3])[0]
    cad = NyuSamples(tmp_path / 'NYU', [3], depth_source='cad', cad_weights='own')[0]
    for name in ('tsdf', 'label_weight', 'pixel_of_voxel', 'depth_m'):
        assert np.array_equal(getattr(cad, name), getattr(kinect, name)), name


@pytest.mark.slow
def test_processes_convert_the_same(two_frames: Path, converted: Path, tmp_path: Path) -> None:
    convert(two_frames, tmp_path, workers=2)
    for one, other in zip(NyuSamples(tmp_path / 'NYU', 'all', images=()),
                          NyuSamples(converted, 'all', images=()), strict=True):
        assert np.array_equal(one.tsdf, other.tsdf)
