"""Synthetic scans: what is rendered agrees with what is true."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.projection import unproject_depth
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.labels import load_label_space
from training.datasets.scans.reprojection import depth_disagreement_m
from training.datasets.scans.synthetic import ScanRecipe, SyntheticScan
from training.datasets.scans.synthetic.path import Obstacles
from training.datasets.scans.synthetic.scan import spread_labels
from training.segmenters.colors import ColorSegmenter

NAMES = load_label_space('nyu12').names


@pytest.fixture(scope='module')
def frames(synthetic_scan):
    return list(synthetic_scan)


def surface_points(frame, step=4):
    points = unproject_depth(frame.depth_m, frame.depth_camera)[::step, ::step].reshape(-1, 3)
    labels = frame.labels[::step, ::step].ravel()
    return transform_points(frame.T_world_camera, points), labels


def test_a_scan_is_a_function_of_its_recipe(synthetic_scan, frames):
    again = SyntheticScan(synthetic_scan.recipe).read('7')
    np.testing.assert_array_equal(again.rgb, frames[7].rgb)
    np.testing.assert_array_equal(again.depth_m, frames[7].depth_m)
    np.testing.assert_array_equal(again.T_world_camera, frames[7].T_world_camera)


def test_splits_share_no_scan():
    first, second = (SyntheticScan(ScanRecipe(split, 0, rooms=1, frames_per_room=2))
                     for split in ('train', 'test'))
    assert not np.allclose(first.building.bounds_m[1], second.building.bounds_m[1])


def test_every_pixel_has_depth_and_a_label(frames):
    for frame in frames:
        assert (frame.depth_m > 0).mean() > 0.999
        assert set(np.unique(frame.labels)) <= {*range(1, 12), 255}


def test_the_walk_enters_every_room_and_keeps_clear_of_things(synthetic_scan):
    places = np.array([pose[:2, 3] for pose in synthetic_scan.poses().values()])
    corridor = synthetic_scan.building.parts[-1]
    half = corridor.scene.size[1] / 2
    assert (places[:, 1] > half + 0.1).any()
    assert (places[:, 1] < -half - 0.1).any()
    assert Obstacles(synthetic_scan.building.solids).are_far(places, 0.15).all()


def test_rooms_are_joined_by_open_doors(synthetic_scan):
    for part in synthetic_scan.building.parts[:-1]:
        inside = part.to_world(np.array([part.door]))[0]
        before = part.to_world(np.array([[part.door[0], part.door[1] - 1.2]]))[0]
        assert Obstacles(synthetic_scan.building.solids).is_free_line(inside, before)


def test_depth_of_neighbouring_frames_agrees():
    scan = SyntheticScan(ScanRecipe('test', 3, rooms=1, frames_per_room=150, height=24, width=32))
    errors = [depth_disagreement_m(scan.read(str(index)), scan.read(str(index + 1)))
              for index in (10, 60)]
    assert max(errors) < 0.02


def test_voxels_hold_what_the_images_show(synthetic_scan, frames):
    grid = synthetic_scan.volume_grid()
    labels = synthetic_scan.voxel_labels(grid)
    assert labels.shape == grid.shape
    near = labels == 0
    spread = spread_labels(labels, np.ones(labels.shape, bool))
    agree = total = 0
    for frame in frames:
        points, expected = surface_points(frame)
        z, y, x = np.rint(grid.to_grid(points)[:, ::-1]).astype(int).T
        inside = (z >= 0) & (z < labels.shape[0]) & (y >= 0) & (y < labels.shape[1]) \
            & (x >= 0) & (x < labels.shape[2])
        found = spread[z[inside], y[inside], x[inside]]
        agree += int((found == expected[inside]).sum())
        total += int(inside.sum())
    assert total > 1000
    assert agree / total > 0.95
    assert near.mean() > 0.3


def test_labels_of_a_part_equal_those_of_the_whole(synthetic_scan):
    grid = synthetic_scan.volume_grid()
    start, shape = (10, 40, 30), (16, 20, 24)
    part = synthetic_scan.voxel_labels(grid.cropped(start, shape))
    whole = synthetic_scan.voxel_labels(grid)
    np.testing.assert_array_equal(part, whole[10:26, 40:60, 30:54])


def test_labels_spread_three_centimetres_and_no_further():
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[2, 2, 2] = 7
    near = np.ones(labels.shape, bool)
    near[2, 2, 1] = False
    spread = spread_labels(labels, near)
    assert spread[2, 2, 2] == spread[2, 2, 3] == spread[2, 3, 3] == 7
    assert spread[2, 2, 1] == spread[3, 3, 3] == spread[2, 2, 4] == 255


def test_a_turned_grid_is_refused(synthetic_scan):
    turn = np.array([[0.0, -50, 0, 0], [50, 0, 0, 0], [0, 0, 50, 0], [0, 0, 0, 1]])
    with pytest.raises(DataError, match='turned'):
        synthetic_scan.voxel_labels(VolumeGrid((4, 4, 4), 0.02, turn))


def test_the_floor_lies_three_voxels_above_the_base(synthetic_scan, frames):
    grid = synthetic_scan.volume_grid()
    floor = np.concatenate([points[labels == NAMES.index('floor')]
                            for points, labels in map(surface_points, frames)])
    assert np.median(grid.to_grid(floor)[:, 2]) == pytest.approx(3, abs=0.6)
    assert grid.shape[0] <= 128


def test_classes_can_be_read_off_the_colours(frames):
    segmenter = ColorSegmenter('nyu12')
    right = total = 0
    for frame in frames:
        answer = segmenter(frame.rgb)
        labelled = frame.labels != 255
        right += int((answer.labels[labelled] == frame.labels[labelled]).sum())
        total += int(labelled.sum())
    assert right / total > 0.85


@pytest.mark.parametrize('change', [{'split': 'none'}, {'rooms': 0}, {'paint': 'red'},
                                    {'domain': 'street'}, {'index': -1}])
def test_impossible_recipes_are_refused(change):
    with pytest.raises(DataError):
        ScanRecipe(**change)


def test_one_room_needs_no_corridor():
    scan = SyntheticScan(ScanRecipe('val', 1, rooms=1, frames_per_room=3))
    assert len(scan.building.parts) == 1
    assert len(scan) == 3
