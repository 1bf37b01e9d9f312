"""Tests of reading packages, whole and broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.metrics import sketch_region
from training.datasets.nyu import TEST_IDS, TRAIN_IDS, NyuSamples, load_arrays
from training.datasets.nyu.pooling import sketch
from training.datasets.nyu.regions import label_weight, regions, surface


def histogram(labels: np.ndarray) -> dict[int, int]:
    ids, counts = np.unique(labels, return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


def test_the_made_up_frames_have_their_golden_counts(samples: NyuSamples) -> None:
    sample = samples[0]
    # Means of 64 cells that cancel are 0 up to rounding.
    tsdf = sample.tsdf.round(7).astype(np.float64)
    assert [int((tsdf == value).sum()) for value in (-1, 1, 0)] == [75204, 2511, 37167]
    assert int((tsdf < -0.5).sum()) == 79728
    assert tsdf.sum() == pytest.approx(-74197.597, abs=2e-3)
    assert np.abs(tsdf).sum() == pytest.approx(84866.287, abs=2e-3)
    visible = np.flatnonzero(sample.pixel_of_voxel != 307200)
    assert len(visible) == 1289
    assert sample.pixel_of_voxel[visible].sum() == 207234069
    assert visible[:3].tolist() == [23898, 23958, 24018]
    assert sample.pixel_of_voxel[visible[:3]].tolist() == [306587, 295707, 285467]
    assert histogram(sample.labels) == {
        0: 115079, 2: 3420, 3: 4320, 8: 690, 11: 1, 255: 6090}
    region = sketch_region(sample.labels, sample.label_weight, sample.pixel_of_voxel)
    assert (int(sample.label_weight.sum()), int(region.semantic.sum()),
            int(region.occluded.sum())) == (86072, 83587, 83059)


def test_the_first_real_frame_has_its_golden_counts(real_package: Path) -> None:
    sample = NyuSamples(real_package, [1])[0]
    assert histogram(sample.labels) == {
        0: 23074, 1: 478, 2: 403, 3: 1308, 5: 555, 8: 57, 10: 2329, 11: 1210, 255: 100186}
    visible = np.flatnonzero(sample.pixel_of_voxel != 307200)
    assert len(visible) == 2750
    assert visible[:3].tolist() == [17967, 18027, 18087]
    assert sample.pixel_of_voxel[visible[:3]].tolist() == [192030, 190110, 177310]
    assert sample.pixel_of_voxel[visible].sum() == 473699907
    tsdf = sample.tsdf.astype(np.float64)
    assert [int((tsdf == value).sum()) for value in (-1, 0, 1)] == [58465, 42480, 8420]
    assert tsdf.sum() == pytest.approx(-51642.746, abs=1e-3)
    assert np.abs(tsdf).sum() == pytest.approx(77136.321, abs=1e-3)
    assert int(sample.label_weight.sum()) == 68495
    assert int((sample.label_weight & (sample.labels == 255)).sum()) == 60848
    region = sketch_region(sample.labels, sample.label_weight, sample.pixel_of_voxel)
    assert (int(region.semantic.sum()), int(region.occluded.sum())) == (7647, 5535)
    assert int((surface(sample.pixel_of_voxel) & sample.label_weight).sum()) == 2112


def test_other_real_frames_have_their_golden_counts(real_package: Path) -> None:
    third, hundredth = NyuSamples(real_package, [3, 100], images=())
    assert int(surface(third.pixel_of_voxel).sum()) == 1181
    assert int(surface(hundredth.pixel_of_voxel).sum()) == 2315
    assert int(third.label_weight.sum()) == 78013
    assert int(hundredth.label_weight.sum()) == 63353


def test_real_frames_carry_images_and_a_pose(real_package: Path) -> None:
    samples = NyuSamples(real_package, 'train')
    assert samples.frame_ids == TRAIN_IDS
    assert NyuSamples(real_package, 'test').frame_ids == TEST_IDS
    sample = samples[0]
    assert (sample.frame_id, sample.rgb.shape) == (3, (480, 640, 3))
    assert sample.label_map13.max() <= 13 < sample.label_map40.max() <= 40
    assert sample.placement is not None
    assert sample.depth_m is None


def test_samples_have_the_promised_types(samples: NyuSamples) -> None:
    assert len(samples) == len(list(samples)) == len(samples[:]) == 2
    sample = samples[1]
    assert sample.frame_id == 2
    assert (sample.tsdf.dtype, sample.tsdf.shape) == (np.float32, (60, 36, 60))
    assert (sample.label_weight.dtype, sample.labels.dtype) == (np.bool_, np.uint8)
    assert (sample.pixel_of_voxel.dtype, sample.pixel_of_voxel.shape) == (np.int64, (129600,))
    assert sample.depth_m.shape == sample.label_map13.shape == sample.camera.size == (480, 640)


def test_only_the_images_asked_for_are_read(tiny_nyu: Path) -> None:
    sample = NyuSamples(tiny_nyu, 'train', images=['label_map13'])[0]
    assert sample.label_map13 is not None
    assert sample.rgb is sample.label_map40 is sample.depth_m is None
    with pytest.raises(DataError, match='hha'):
        NyuSamples(tiny_nyu, 'train', images=['hha'])


def test_named_regions_cover_the_whole_grid_once_where_exclusive(samples: NyuSamples) -> None:
    sample = samples[0]
    named = regions(sample.labels, sample.tsdf, sample.pixel_of_voxel)
    assert not (named['observed_free'] & named['occluded']).any()
    assert not (named['unknown'] & named['surface']).any()
    assert named['occluded'].sum() == 79728
    assert named['surface'].sum() == 1289
    assert named['outside_room'].sum() == 6090


def test_stored_edges_are_those_of_the_labels(tiny_nyu: Path, samples: NyuSamples) -> None:
    assert np.array_equal(np.load(tiny_nyu / 'sketch3D' / '0001.npy'), sketch(samples[0].labels))


def test_arrays_in_memory_equal_the_samples(tiny_nyu: Path) -> None:
    samples = NyuSamples(tiny_nyu, 'train')
    arrays = load_arrays(samples, images=['label_map13'], tsdf_dtype='float16')
    assert arrays.frame_ids.tolist() == [3, 4, 5]
    assert arrays.rgb is None
    assert np.abs(arrays.tsdf[2] - samples[2].tsdf).max() <= 2.5e-4
    for name in ('label_weight', 'pixel_of_voxel', 'labels', 'label_map13'):
        assert np.array_equal(getattr(arrays, name)[1], getattr(samples[1], name))
    assert arrays.nbytes == 3 * (129600 * (2 + 1 + 4 + 1) + 480 * 640 + 8)


def test_arrays_need_the_images_asked_for(tiny_nyu: Path) -> None:
    with pytest.raises(DataError, match='0003 has no rgb'):
        load_arrays(NyuSamples(tiny_nyu, 'train', images=()), images=['rgb'])


@pytest.fixture
def copy(tiny_nyu: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_nyu, tmp_path / 'NYU'))


def move(root: Path, names: dict[str, str]) -> None:
    for old, new in names.items():
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)


def same(one: Any, other: Any) -> bool:
    names = ('rgb', 'tsdf', 'label_weight', 'pixel_of_voxel', 'labels')
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_the_layout_of_ammnet_is_read(copy: Path, tiny_nyu: Path) -> None:
    for split, ids in (('train', (3, 4, 5)), ('test', (1, 2))):
        move(copy, {f'RGB/NYU{i:04d}_colors.png': f'{split}/RGB/NYU{i:04d}_rgb.png' for i in ids})
        (copy / f'{split}.txt').unlink()
    samples = NyuSamples(copy, 'train')
    assert samples.frame_ids == (3, 4, 5)
    assert all(map(same, samples, NyuSamples(tiny_nyu, 'train')))


def test_the_layout_of_cvsformer_is_read(copy: Path, tiny_nyu: Path) -> None:
    move(copy, {'TSDF': 'T', 'Label': 'L'})
    shutil.rmtree(copy / 'RGB')
    sample, expected = NyuSamples(copy, 'test')[0], NyuSamples(tiny_nyu, 'test')[0]
    assert sample.rgb is None
    assert np.array_equal(sample.tsdf, expected.tsdf)
    assert np.array_equal(sample.labels, expected.labels)


def test_narrow_and_wide_integer_types_are_the_same_frame(copy: Path, tiny_nyu: Path) -> None:
    arrays = np.load(copy / 'Mapping' / '0001.npz')['arr_0']
    np.savez(copy / 'Mapping' / '0001.npz', arrays.astype(np.int32))
    tsdf = np.load(copy / 'TSDF' / '0001.npz')
    np.savez(copy / 'TSDF' / '0001.npz', tsdf['arr_0'].reshape(60, 36, 60),
             tsdf['arr_1'].astype(np.uint8))
    assert same(NyuSamples(copy, [1])[0], NyuSamples(tiny_nyu, [1])[0])


def edit(kind: str, key: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., None]:
    def apply(root: Path) -> None:
        path = root / kind / '0002.npz'
        arrays = dict(np.load(path))
        np.savez(path, **{**arrays, key: change(arrays[key])})
    return apply


def spoil(kind: str, data: bytes, suffix: str = '.npz') -> Callable[..., None]:
    def apply(root: Path) -> None:
        (root / kind / f'0002{suffix}').write_bytes(data)
    return apply


def cut(name: str, size: int) -> Callable[..., None]:
    def apply(root: Path) -> None:
        (root / name).write_bytes((root / name).read_bytes()[:size])
    return apply


def set_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[0] = value
        return array
    return change


def pickled(root: Path) -> None:
    np.savez(root / 'Label' / '0002.npz', np.array([{}], object))


FAULTS = {
    'missing': (lambda root: (root / 'Label' / '0002.npz').unlink(), r'0002 has no labels.*run'),
    'empty': (spoil('TSDF', b''), r'TSDF/0002\.npz.*copy it again'),
    'garbage': (spoil('Mapping', b'PK\x03\x04' + bytes(100)), r'Mapping/0002\.npz is damaged'),
    'cut': (cut('TSDF/0002.npz', 3000), r'TSDF/0002\.npz is damaged'),
    'pickle': (pickled, r'Label/0002\.npz is damaged'),
    'key': (lambda root: np.savez(root / 'Label' / '0002.npz', label=np.zeros(3)),
            r'Label/0002\.npz has the keys'),
    'size': (edit('TSDF', 'arr_0', lambda array: array[:100]), r'TSDF/0002\.npz is \(100,\)'),
    'range': (edit('TSDF', 'arr_0', set_first(1.5)), r'TSDF/0002\.npz holds values outside'),
    'nan': (edit('TSDF', 'arr_0', set_first(np.nan)), r'TSDF/0002\.npz holds values outside'),
    'label': (edit('Label', 'arr_0', set_first(12)), r'Label/0002\.npz holds label 12'),
    'repeat': (edit('Mapping', 'arr_0', lambda array: array * 0 + 7), 'one pixel to several'),
    'outside': (edit('Mapping', 'arr_0', set_first(-1)), r'Mapping/0002\.npz points outside'),
    'weight': (edit('TSDF', 'arr_1', lambda array: 1 - array), r'TSDF/0002\.npz differs in'),
    'image': (cut('RGB/NYU0002_colors.png', 1000), r'NYU0002_colors\.png is damaged'),
    'map13': (lambda root: shutil.copy(
        root / 'Label40' / '0002.png', root / 'seg_result_label13' / '0002.png'),
        r'seg_result_label13/0002\.png holds label'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_a_broken_file_names_itself_and_the_fix(copy: Path, fault: str) -> None:
    damage, message = FAULTS[fault]
    damage(copy)
    with pytest.raises(DataError, match=message):
        list(NyuSamples(copy, 'test'))


@pytest.mark.parametrize('fault', ['missing', 'cut', 'weight'])
def test_broken_frames_are_left_out_only_when_asked_to_and_are_listed(
    copy: Path, fault: str,
) -> None:
    damage, message = FAULTS[fault]
    damage(copy)
    samples = NyuSamples(copy, 'test', skip_broken=True)
    assert samples.frame_ids == (1,)
    assert [frame.frame_id for frame in samples.broken] == [2]
    with pytest.raises(DataError, match=message):
        raise DataError(samples.broken[0].reason)


def test_missing_files_are_found_on_opening(copy: Path) -> None:
    FAULTS['missing'][0](copy)
    with pytest.raises(DataError, match='0002 has no labels'):
        NyuSamples(copy, 'test')


def test_a_package_without_any_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no folder'):
        NyuSamples(tmp_path / 'absent', 'train')
    with pytest.raises(DataError, match='no usable frame'):
        NyuSamples(tmp_path, [1, 2], skip_broken=True)
    with pytest.raises(DataError, match='validation'):
        NyuSamples(tmp_path, 'validation')


@pytest.fixture
def cad(copy: Path) -> Path:
    """Give NYUCAD volumes with all distances halved and another mapping to frame 1."""
    root = copy.parent / 'NYUCAD'
    for folder in ('TSDF', 'Mapping'):
        (root / folder).mkdir(parents=True)
    sample = NyuSamples(copy, [1])[0]
    np.savez(root / 'TSDF' / '0001.npz', sample.tsdf.ravel() / 2)
    np.savez(root / 'Mapping' / '0001.npz', np.roll(sample.pixel_of_voxel, 1))
    return root


def test_nyucad_volumes_replace_those_of_the_kinect(copy: Path, cad: Path) -> None:
    kinect = NyuSamples(copy, [1])[0]
    sample = NyuSamples(copy, [1], depth_source='cad')[0]
    assert np.array_equal(sample.tsdf, kinect.tsdf / 2)
    assert np.array_equal(sample.pixel_of_voxel, np.roll(kinect.pixel_of_voxel, 1))
    assert np.array_equal(sample.labels, kinect.labels)
    assert np.array_equal(sample.label_weight, kinect.label_weight)


def test_nyucad_may_have_weights_of_its_own(copy: Path, cad: Path) -> None:
    sample = NyuSamples(copy, [1], depth_source='cad', cad_weights='own')[0]
    assert np.array_equal(sample.label_weight, label_weight(sample.labels, sample.tsdf))
    assert not np.array_equal(sample.label_weight, NyuSamples(copy, [1])[0].label_weight)


def test_the_names_of_ammnet_for_nyucad_are_read(copy: Path, cad: Path) -> None:
    expected = NyuSamples(copy, [1], depth_source='cad')[0]
    name = 'NYU0001_0000_voxels.npz'
    for folder in ('TSDF_lr', 'mapping'):
        (cad / 'test' / folder).mkdir(parents=True)
    np.savez(cad / 'test' / 'TSDF_lr' / name, tsdf_lr=np.load(cad / 'TSDF/0001.npz')['arr_0'])
    np.savez(cad / 'test' / 'mapping' / name, arr_0=[0],
             arr_1=np.load(cad / 'Mapping/0001.npz')['arr_0'])
    for folder in ('TSDF', 'Mapping'):
        shutil.rmtree(cad / folder)
    sample = NyuSamples(copy, [1], depth_source='cad')[0]
    assert same(sample, expected)


def test_without_a_nyucad_mapping_that_of_the_kinect_serves(copy: Path, cad: Path) -> None:
    shutil.rmtree(cad / 'Mapping')
    sample = NyuSamples(copy, [1], depth_source='cad')[0]
    assert np.array_equal(sample.pixel_of_voxel, NyuSamples(copy, [1])[0].pixel_of_voxel)


def test_missing_nyucad_volumes_are_named(copy: Path, cad: Path) -> None:
    with pytest.raises(DataError, match='0002 has no cad_tsdf'):
        NyuSamples(copy, [1, 2], depth_source='cad')
    with pytest.raises(DataError, match='lidar'):
        NyuSamples(copy, [1], depth_source='lidar')
