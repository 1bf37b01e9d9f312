"""Tests of frames whose pixels and voxels are labelled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import nearest_resize
from ssc_ros.models.imenet.presets import load_preset
from training.datasets.joint.frames import nyu_frame, projected_labels, room_frame
from training.datasets.nyu import NyuSample, NyuSamples
from training.datasets.nyu.regions import surface
from training.datasets.synthetic import load_room

SMALL, LABELS = load_preset('small'), load_preset('small-labels')


@pytest.fixture(scope='module')
def sample(tiny_nyu: Path) -> NyuSample:
    return NyuSamples(tiny_nyu, 'train')[0]


@pytest.fixture(scope='module')
def without_depth(sample: NyuSample) -> NyuSample:
    return replace(sample, depth_m=None)


def test_tables_of_classes_have_the_published_lengths_and_ids() -> None:
    maps = load_label_space('nyu12').maps
    assert (len(maps['nyu36']), len(maps['nyu40'])) == (37, 41)
    assert maps['nyu36'].max() == 11 and maps['nyu40'][1:].max() == 11
    assert maps['nyu40'][1:].tolist() == [
        3, 2, 10, 6, 5, 7, 8, 11, 4, 10, 11, 10, 4, 8, 10, 4, 10, 11, 11, 2, 11, 1, 11, 11, 9,
        11, 11, 11, 11, 11, 11, 10, 10, 11, 11, 10, 11, 11, 10, 11]


def test_pixels_have_12_classes_and_0_where_unlabelled(without_depth: NyuSample) -> None:
    frame = nyu_frame(without_depth, SMALL)
    ids = without_depth.label_map40
    np.testing.assert_array_equal(
        frame.labels2d[ids > 0], load_label_space('nyu12').maps['nyu40'][ids[ids > 0]])
    assert (frame.labels2d[ids == 0] == 0).all() and (ids == 0).any()


def test_voxels_of_pixels_follow_from_the_mapping_without_depth(
    without_depth: NyuSample,
) -> None:
    frame = nyu_frame(without_depth, SMALL)
    seen = np.unique(frame.voxels[frame.voxels >= 0])
    np.testing.assert_array_equal(np.flatnonzero(frame.is_surface), seen)
    np.testing.assert_array_equal(frame.is_surface, surface(without_depth.pixel_of_voxel))
    own = nearest_resize(frame.voxels, SMALL.work_size)
    rays = frame.rays
    assert rays.shape == (9, *SMALL.work_size)
    # A ray that only grazes its outline has no way through its voxel.
    assert (rays[0] == own)[own >= 0].mean() > 0.9


def test_only_what_the_network_reads_is_kept(without_depth: NyuSample) -> None:
    small, labels = nyu_frame(without_depth, SMALL), nyu_frame(without_depth, LABELS)
    assert small.rgb is not None and small.label_map is None and small.hha is None
    assert labels.rgb is None and labels.label_map is not None
    assert nyu_frame(without_depth, load_preset('small-a')).rays is None


def test_the_fine_tsdf_needs_measured_depth(tiny_rooms: Path, without_depth: NyuSample) -> None:
    paper = load_preset('e')
    with pytest.raises(DataError, match='no measured depth image'):
        nyu_frame(without_depth, paper)
    with pytest.raises(DataError, match='HHA encodes'):
        nyu_frame(without_depth, load_preset('rgbd'))
    room = load_room(next((tiny_rooms / 'train').glob('*.npz')))
    frame = room_frame(room, replace(paper, image_size=(64, 96), work_size=(64, 96)))
    assert frame.fine_tsdf.shape == (240, 144, 240)
    x, y, z = np.unravel_index(frame.voxels[frame.voxels >= 0], (60, 36, 60))
    blocks = frame.fine_tsdf.reshape(60, 4, 36, 4, 60, 4)[x, :, y, :, z, :]
    assert (blocks == 1).any(axis=(1, 2, 3)).all()


def test_rooms_bring_exact_labels(tiny_rooms: Path) -> None:
    room = load_room(next((tiny_rooms / 'train').glob('*.npz')))
    frame = room_frame(room, replace(SMALL, image_size=(64, 96), work_size=(64, 96)))
    hit = room.image_labels != 255
    np.testing.assert_array_equal(frame.labels2d[hit], room.image_labels[hit])
    assert (frame.labels2d[~hit] == 0).all()


def test_truth_of_pixels_may_be_that_of_their_voxels(without_depth: NyuSample) -> None:
    frame = nyu_frame(without_depth, SMALL, 'projected')
    np.testing.assert_array_equal(
        frame.labels2d, projected_labels(without_depth.labels, frame.voxels))
    labels = np.array([3, 255, 0, 7], np.uint8)
    assert projected_labels(labels, np.array([[0, 1], [2, -1]])).tolist() == [[3, 0], [0, 0]]


def test_what_is_missing_is_named(without_depth: NyuSample) -> None:
    with pytest.raises(DataError, match=r'no camera pose'):
        nyu_frame(replace(without_depth, placement=None), SMALL)
    with pytest.raises(DataError, match=r'no labels of pixels \(Label40/\)'):
        nyu_frame(replace(without_depth, label_map40=None), SMALL)
    with pytest.raises(DataError, match=r'set network\.image_size'):
        nyu_frame(without_depth, replace(SMALL, image_size=(240, 320)))
