"""Tests of fused maps in files."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.frames import SceneEstimate
from ssc_ros.fusion.temporal_files import load_map, save_map
from ssc_ros.fusion.temporal_map import TemporalMap
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid
from ssc_ros.labels import load_label_space

SPACE = load_label_space('nyu12')
SETTINGS = TemporalSettings(radius_m=4.0, low_m=0.0, high_m=2.0)
GRID = VoxelGrid((-1.0, -1.0, 0.0), 0.1, (20, 20, 15))


def make_map(seed=0, x=30.0):
    """Return a map of random votes at a place far from the origin."""
    random = np.random.default_rng(seed)
    fused = TemporalMap(SPACE, 0.1, SETTINGS)
    for stamp_ns in (10**15, 10**15 + 10**9):
        shape = GRID.shape
        fused.integrate(SceneEstimate(
            labels=random.integers(0, 12, shape, dtype=np.uint8),
            confidence=random.uniform(0.2, 1, shape).astype(np.float32),
            observed=random.random(shape) < 0.5, grid=GRID, T_camera_voxel=np.eye(4),
            camera=PinholeCamera(50.0, 50.0, 31.5, 23.5, 48, 64), label_space=SPACE,
            stamp_ns=stamp_ns), make_rigid(np.eye(3), [x, 2.0, 0.0]))
    return fused


def assert_same(first, second):
    one, other = first.voxels(), second.voxels()
    order, other_order = (np.lexsort(each.cells.T) for each in (one, other))
    for name in ('cells', 'labels', 'observed', 'confidence'):
        np.testing.assert_allclose(
            getattr(one, name)[order].astype(float),
            getattr(other, name)[other_order].astype(float), rtol=1e-5)


def test_a_map_comes_back_as_it_was_saved(tmp_path):
    fused, loaded = make_map(), TemporalMap(SPACE, 0.1, SETTINGS)
    count = save_map(tmp_path / 'maps/room.npz', fused)
    assert load_map(tmp_path / 'maps/room.npz', loaded) == count > 1000
    assert_same(fused, loaded)
    assert [path.name for path in (tmp_path / 'maps').iterdir()] == ['room.npz']


def test_a_loaded_map_fades_from_the_next_frame_on_and_not_for_the_time_between(tmp_path):
    fused, loaded = make_map(), make_map(seed=1, x=0.0)
    save_map(tmp_path / 'room.npz', fused)
    load_map(tmp_path / 'room.npz', loaded)
    estimate = SceneEstimate(
        labels=np.full(GRID.shape, 255, np.uint8), confidence=np.zeros(GRID.shape, np.float32),
        observed=np.zeros(GRID.shape, np.bool_), grid=GRID, T_camera_voxel=np.eye(4),
        camera=PinholeCamera(50.0, 50.0, 31.5, 23.5, 48, 64), label_space=SPACE,
        stamp_ns=2 * 10**18)
    loaded.integrate(estimate, make_rigid(np.eye(3), [30.0, 2.0, 0.0]))
    assert_same(fused, loaded)


def test_a_smaller_window_takes_what_fits(tmp_path):
    save_map(tmp_path / 'room.npz', make_map())
    small = TemporalMap(SPACE, 0.1, TemporalSettings(radius_m=0.5, low_m=0.0, high_m=1.0))
    assert 0 < load_map(tmp_path / 'room.npz', small) <= 10 * 10 * 10


def test_an_empty_map_is_saved_and_loaded_too(tmp_path):
    save_map(tmp_path / 'none.npz', TemporalMap(SPACE, 0.1, SETTINGS))
    loaded = make_map()
    assert load_map(tmp_path / 'none.npz', loaded) == 0
    assert len(loaded.voxels().labels) == 0


@pytest.mark.parametrize(('space', 'size_m', 'words'), [
    ('semantic_tartanair14', 0.1, 'holds the classes'), ('nyu12', 0.2, 'voxels of 0.1 m')])
def test_a_map_of_another_network_is_refused_and_nothing_is_lost(tmp_path, space, size_m, words):
    save_map(tmp_path / 'room.npz', make_map())
    other = TemporalMap(load_label_space(space), size_m, SETTINGS)
    with pytest.raises(DataError, match=words):
        load_map(tmp_path / 'room.npz', other)


@given(position=st.integers(0, 10**6), value=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_gives_a_map(tmp_path_factory, position, value, cut):
    folder = tmp_path_factory.mktemp('damaged')
    path, fused = folder / 'room.npz', make_map()
    save_map(path, fused)
    content = bytearray(path.read_bytes())
    position %= len(content)
    if cut:
        del content[position:]
    else:
        content[position] ^= value
    path.write_bytes(content)
    loaded = make_map(seed=1)
    before = loaded.voxels()
    try:
        load_map(path, loaded)
    except DataError as error:
        assert str(path) in str(error)
        np.testing.assert_array_equal(loaded.voxels().labels, before.labels)


@pytest.mark.parametrize('changes', [
    {'format': 'something else'}, {'origin_m': np.full(3, 0.05)}, {'origin_m': np.array('x')},
    {'voxel_size_m': 'x'}, {'names': np.array(3)}, {'cells': np.zeros((3, 2), np.int64)},
    {'log_odds': np.full(3, np.nan, np.float32)}, {'counts': np.zeros((3, 2), np.float32)},
    {'cells': np.full((3, 3), 2**62)}, {'is_observed': np.zeros(3)}])
def test_a_file_with_other_content_is_refused(tmp_path, changes):
    content = {
        'format': 'ssc_ros temporal map 1', 'names': np.array(SPACE.names), 'voxel_size_m': 0.1,
        'origin_m': np.zeros(3), 'cells': np.zeros((3, 3), np.int64),
        'log_odds': np.ones(3, np.float32), 'counts': np.ones((3, 12), np.float32),
        'is_observed': np.zeros(3, np.bool_)}
    np.savez(tmp_path / 'good.npz', **content)
    load_map(tmp_path / 'good.npz', TemporalMap(SPACE, 0.1, SETTINGS))
    np.savez(tmp_path / 'bad.npz', **{**content, **changes})
    with pytest.raises(DataError, match=r'bad\.npz'):
        load_map(tmp_path / 'bad.npz', TemporalMap(SPACE, 0.1, SETTINGS))


def test_a_full_disk_leaves_the_older_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / 'room.npz'
    save_map(path, make_map())
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(np, 'savez_compressed', fail)
    with pytest.raises(OSError, match='No space'):
        save_map(path, make_map(seed=1))
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
