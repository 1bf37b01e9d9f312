"""Frames of a bag are what was written, in order, with pose and ground truth."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ssc_ros.bags import BagReader, BagWriter, builders
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.geometry.placement import nyu_placement


def read_frames(path: Path, kind='stereo', **options):
    refusals: list[str] = []
    with BagReader(path) as reader:
        frames = list(FrameReader(
            reader, find_frame_topics(reader, kind=kind), nyu_placement,
            on_refused=lambda stamp, reason: refusals.append(reason), **options))
    return frames, refusals


@pytest.mark.parametrize('compressed', [False, True])
def test_stereo_frames_come_back_with_calibration_pose_and_truth(
    rooms: ModuleType, tmp_path: Path, compressed: bool,
) -> None:
    path = rooms.write_stereo_bag(tmp_path / 'bag', compressed=compressed)
    frames, refusals = read_frames(path)
    assert refusals == []
    assert [item.frame.stamp_ns for item in frames] == [rooms.frame_stamp(i) for i in range(3)]
    for index, item in enumerate(frames):
        left, right = rooms.frame_images(index)
        assert isinstance(item.frame, StereoFrame)
        assert np.array_equal(item.frame.left, left)
        assert np.array_equal(item.frame.right, right)
        assert item.frame.rig.baseline_m == pytest.approx(0.12)
        assert item.frame.frame_id == rooms.FRAME_ID
        assert np.array_equal(item.ground_truth(), rooms.frame_truth(index))
    expected = nyu_placement(rooms.POSE).T_camera_voxel
    assert np.allclose(frames[0].frame.placement.T_camera_voxel, expected)


def test_rgbd_frames_take_the_depth_of_the_left_eye(stereo_bag: Path) -> None:
    frames, _ = read_frames(stereo_bag, kind='rgbd')
    assert len(frames) == 3
    assert isinstance(frames[0].frame, RgbdFrame)
    assert np.all(frames[0].frame.depth_m == np.float32(2.0))


def test_an_image_without_its_partner_is_reported_and_left_out(
    rooms: ModuleType, tmp_path: Path,
) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        rooms.write_frame(writer, 0)
        stamp = rooms.frame_stamp(1)
        lonely = builders.image(rooms.frame_images(1)[0], stamp, rooms.FRAME_ID)
        writer.write('/stereo/left/image_rect_color', stamp, lonely)
        rooms.write_frame(writer, 2)
    frames, refusals = read_frames(tmp_path / 'bag')
    assert [item.frame.stamp_ns for item in frames] == [rooms.frame_stamp(0), rooms.frame_stamp(2)]
    assert len(refusals) == 1
    assert 'no image of /stereo/right/image_rect_color has its stamp' in refusals[0]


def test_a_calibration_that_comes_after_its_image_still_belongs_to_it(
    rooms: ModuleType, tmp_path: Path,
) -> None:
    path = rooms.write_stereo_bag(tmp_path / 'bag', frames=2)
    with BagReader(path) as reader:
        messages = sorted(reader.messages(), key=lambda m: (m.time_ns, 'image' not in m.topic))
    with BagWriter(tmp_path / 'late') as writer:
        for message in messages:
            writer.write_raw(message.topic, message.type_name, message.time_ns, message.data)
    frames, refusals = read_frames(tmp_path / 'late')
    assert (len(frames), refusals) == (2, [])


def test_a_cut_bag_yields_its_frames_and_then_the_damage(
    rooms: ModuleType, tmp_path: Path,
) -> None:
    path = rooms.write_stereo_bag(tmp_path / 'bag', frames=8)
    [file] = path.glob('*.mcap')
    with file.open('rb+') as stream:
        stream.truncate(file.stat().st_size // 2)
    frames = []
    with BagReader(path) as reader, pytest.raises(DataError, match='is damaged'):
        for item in FrameReader(reader, find_frame_topics(reader), nyu_placement):
            frames.append(item)
    assert 2 <= len(frames) <= 4


def test_a_bag_without_odometry_needs_a_pose(rooms: ModuleType, tmp_path: Path) -> None:
    path = rooms.write_stereo_bag(tmp_path / 'bag')
    with BagReader(path) as reader:
        kept = [message for message in reader.messages() if message.topic != '/odom']
    with BagWriter(tmp_path / 'still') as writer:
        for message in kept:
            writer.write_raw(message.topic, message.type_name, message.time_ns, message.data)
    with pytest.raises(DataError, match='no odometry'):
        read_frames(tmp_path / 'still')
    frames, _ = read_frames(tmp_path / 'still', fixed_pose=rooms.POSE)
    assert len(frames) == 3


def test_a_bag_of_something_else_names_what_is_missing(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.write('/camera', 1, builders.image(np.zeros((2, 2), np.uint8), 1, 'camera'))
    with BagReader(tmp_path / 'bag') as reader, pytest.raises(
            DataError, match=r'/stereo/left/image_rect_color.*it holds /camera'):
        find_frame_topics(reader)


def test_ground_truth_of_another_grid_is_refused(rooms: ModuleType, stereo_bag: Path) -> None:
    frames, _ = read_frames(stereo_bag)
    from ssc_ros.bags.frames import BagFrame
    with pytest.raises(DataError, match='weights of its own grid'):
        BagFrame(frames[0].frame, np.zeros((10, 10), np.uint8)).ground_truth()


@pytest.mark.parametrize('scores_images', [False, True])
def test_labels_of_pixels_come_beside_those_of_voxels_where_they_are_wanted(
    rooms: ModuleType, tmp_path: Path, scores_images: bool,
) -> None:
    bag = rooms.write_stereo_bag(tmp_path / 'bag', labelled=True)
    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd', scores_images=scores_images)
        items = list(FrameReader(reader, topics, nyu_placement))
    assert len(items) == 3 and ('/stereo/left/label_image' in topics.all) == scores_images
    for index, item in enumerate(items):
        np.testing.assert_array_equal(item.ground_truth(), rooms.frame_truth(index))
        truth = item.image_ground_truth()
        if scores_images:
            np.testing.assert_array_equal(truth, rooms.frame_labels(index))
        else:
            assert truth is None
