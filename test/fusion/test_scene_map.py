"""Tests of the map that threads share, of its views and of its files."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.fusion.completion import NO_LABEL, Completion
from ssc_ros.fusion.map_files import load_map, save_map
from ssc_ros.fusion.map_view import MapView
from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.rolling_arrays import PlaneBox
from ssc_ros.fusion.rolling_fusion import RollingFusion
from ssc_ros.fusion.scene_map import SceneMap
from ssc_ros.fusion.tsdf_fusion import load_volume

SHAPE = (16, 48, 48)
VOXEL_SIZE_M = 0.1


def make_map() -> SceneMap:
    return SceneMap(RollingFusion(SHAPE, voxel_size_m=VOXEL_SIZE_M))


def wall_frame(scenes, x_m: float = 0.0, depth_m: float = 1.5) -> PreparedFrame:
    """Return a wall ahead of a camera that looks along x."""
    size = scenes.CAMERA.size
    return PreparedFrame(
        np.full(size, depth_m, np.float32), np.full((*size, 3), 90, np.uint8), scenes.CAMERA,
        scenes.looking(np.array([x_m, 0.0, 0.7]), np.array([1.0, 0.0, 0.0])))


def said(shape, label: int = 3, tsdf: float = 0.5, rim: int = 0) -> Completion:
    """Return a completion that sees a surface everywhere; its rim counts half."""
    weight = np.ones(shape[1:], np.float32)
    for part in (weight, weight.T) if rim else ():
        part[:rim] = part[-rim:] = 0.5
    return Completion(
        weight, np.ones(shape, np.bool_),
        np.full(shape, tsdf, np.float16), np.full((*shape, 3), 7, np.uint8),
        np.full(shape, label, np.uint8), np.full(shape, 0.75, np.float16))


def arrays_of(view: MapView) -> list[np.ndarray]:
    volume, completion = view.volume, view.completion
    return [volume.tsdf_m, volume.weight, volume.rgb, volume.grid.T_grid_world,
            completion.weight, completion.near_surface, completion.tsdf_voxels,
            completion.rgb, completion.labels, completion.confidence]


@pytest.fixture
def filled(scenes) -> SceneMap:
    """Return a map with a wall, completed around the camera."""
    scene_map = make_map()
    scene_map.integrate(wall_frame(scenes), stamp_ns=5)
    snapshot = scene_map.snapshot(PlaneBox((-10, -10), (20, 40)))
    assert scene_map.keep(snapshot, said(snapshot.volume.grid.shape))
    return scene_map


class TestSurfaces:
    def test_measured_voxels_are_never_overruled_and_always_labelled(self, filled):
        view = filled.view()
        voxels = view.voxels
        seen = voxels.chosen(voxels.observed)
        assert len(seen.points) and np.all(np.abs(seen.points[:, 0] - 1.5) < 0.11)
        assert np.all(seen.rgb == 90)
        has_label = seen.labels == 3
        assert has_label.any() and np.all(np.isnan(seen.confidence) == ~has_label)

    def test_inferred_voxels_lie_only_where_nothing_was_measured(self, filled):
        view = filled.view()
        inferred = view.voxels.chosen(~view.voxels.observed)
        assert len(inferred.points) and np.all(inferred.rgb == 7) and np.all(inferred.labels == 3)
        cells = np.rint(view.volume.grid.to_grid(inferred.points)).astype(int)
        assert not view.volume.weight[cells[:, 2], cells[:, 1], cells[:, 0]].any()
        # Free space before the wall was measured, so that no surface may appear in it.
        is_free = (view.volume.weight > 0) & (view.volume.tsdf_m > VOXEL_SIZE_M)
        assert is_free.any()

    def test_without_a_completion_there_are_measured_voxels_without_labels(self, scenes):
        scene_map = make_map()
        scene_map.integrate(wall_frame(scenes))
        voxels = scene_map.view().voxels
        assert len(voxels.points) and voxels.observed.all()
        assert np.all(voxels.labels == NO_LABEL) and np.isnan(voxels.confidence).all()

    def test_the_mesh_marks_what_was_measured(self, scenes):
        scene_map = make_map()
        scene_map.integrate(wall_frame(scenes))
        shape = scene_map.view().volume.grid.shape
        completion = said(shape)
        floor = np.arange(shape[0], dtype=np.float16)[:, None, None] - np.float16(2.5)
        near = np.abs(np.broadcast_to(floor, shape)) < 3
        completion = replace(
            completion, tsdf_voxels=np.broadcast_to(floor, shape).clip(-3, 3).copy(),
            near_surface=near)
        scene_map.keep(scene_map.snapshot(scene_map.box), completion)
        mesh = scene_map.view().mesh()
        wall, rest = mesh.vertices[mesh.observed], mesh.vertices[~mesh.observed]
        assert len(wall) and len(rest) and np.median(np.abs(wall[:, 0] - 1.5)) < 0.05
        assert np.median(np.abs(rest[:, 2] + 0.05)) < 0.02  # between the layers 2 and 3
        assert mesh.labels is not None and set(mesh.labels.tolist()) == {3}


class TestCompletions:
    def test_a_later_completion_passes_into_what_is_known_along_its_rim(self, filled):
        box = PlaneBox((-10, 0), (20, 20))
        snapshot = filled.snapshot(box)
        filled.keep(snapshot, said(
            snapshot.volume.grid.shape, label=5, tsdf=-0.5, rim=4))
        completion = filled.view().completion
        y, x = (first - origin for first, origin in zip(box.start, filled.box.start, strict=True))
        inside = completion.tsdf_voxels[0, y:y + 20, x:x + 20]
        assert np.all(inside[4:-4, 4:-4] == -0.5) and np.all(inside[:4] == 0)
        assert np.all(completion.labels[0, y + 4:y + 16, x + 4:x + 16] == 5)
        assert np.all(completion.tsdf_voxels[0, y:y + 20, x - 5:x] == 0.5)

    def test_a_completion_of_a_map_that_was_cleared_is_not_kept(self, filled):
        snapshot = filled.snapshot(PlaneBox((0, 0), (8, 8)))
        filled.clear()
        assert not filled.keep(snapshot, said(snapshot.volume.grid.shape))
        view = filled.view()
        assert not view.completion.weight.any() and not view.volume.weight.any()
        assert view.stamp_ns == 0 and not len(view.voxels.points)

    def test_completions_move_with_the_window(self, scenes, filled):
        before = filled.view()
        filled.integrate(wall_frame(scenes, x_m=1.8))
        after = filled.view()
        shift = (np.rint(after.volume.grid.to_grid([[0, 0, 0]]))
                 - np.rint(before.volume.grid.to_grid([[0, 0, 0]])))[0].astype(int)
        assert shift[0] == -16
        np.testing.assert_array_equal(
            after.completion.labels[..., :-16], before.completion.labels[..., 16:])
        assert np.all(after.completion.labels[..., -16:] == NO_LABEL)

    def test_integration_does_not_wait_for_who_holds_a_snapshot(self, scenes, filled):
        before = filled.changes
        worker = threading.Thread(target=filled.integrate, args=(wall_frame(scenes),))
        worker.start()
        worker.join(10)
        assert not worker.is_alive()
        assert filled.changes == before + 1

    def test_memory_is_that_of_the_windows_and_never_changes(self, scenes, filled):
        assert filled.memory_bytes == np.prod(SHAPE) * (9 + 10) + np.prod(SHAPE[1:]) * 4
        before = filled.memory_bytes
        filled.integrate(wall_frame(scenes, x_m=30.0))
        assert filled.memory_bytes == before


class TestFiles:
    def test_a_saved_map_comes_back_bit_for_bit_and_goes_on(self, scenes, filled, tmp_path):
        filled.integrate(wall_frame(scenes, x_m=1.8), stamp_ns=9)
        save_map(tmp_path / 'map.npz', filled.view())
        loaded = make_map()
        loaded.restore(load_map(tmp_path / 'map.npz'))
        for scene_map in (filled, loaded):
            scene_map.integrate(wall_frame(scenes, x_m=2.0), stamp_ns=10)
        assert loaded.box == filled.box
        for mine, other in zip(arrays_of(filled.view()), arrays_of(loaded.view()), strict=True):
            np.testing.assert_array_equal(mine, other)

    def test_the_measured_part_is_a_volume_like_any_other(self, filled, tmp_path):
        save_map(tmp_path / 'map.npz', filled.view())
        volume = load_volume(tmp_path / 'map.npz')
        np.testing.assert_array_equal(volume.tsdf_m, filled.view().volume.tsdf_m)

    def test_a_map_of_other_voxels_is_refused_and_the_old_one_stays(self, filled):
        other = SceneMap(RollingFusion((16, 48, 32), voxel_size_m=VOXEL_SIZE_M))
        before = filled.view()
        with pytest.raises(DataError, match='extent_m'):
            filled.restore(other.view())
        np.testing.assert_array_equal(filled.view().volume.weight, before.volume.weight)

    @pytest.mark.parametrize('content', [b'', b'PK\x03\x04 broken', b'text'])
    def test_a_damaged_file_is_refused(self, tmp_path, content):
        path = tmp_path / 'map.npz'
        path.write_bytes(content)
        with pytest.raises(DataError, match='not a saved map'):
            load_map(path)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(DataError, match='does not exist'):
            load_map(tmp_path / 'none.npz')

    def test_a_file_that_lacks_an_array_is_refused(self, filled, tmp_path):
        path = tmp_path / 'map.npz'
        np.savez(path, tsdf_m=filled.view().volume.tsdf_m)
        with pytest.raises(DataError, match='not a saved map'):
            load_map(path)
