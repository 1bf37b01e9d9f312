from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame
from ssc_ros.labels import load_label_space
from ssc_ros.viewer import RecordedFrame, Recording


def test_a_frame_comes_back_as_it_was(tmp_path, make_estimate, pair, ground_truth):
    estimate = make_estimate(stamp_ns=123_456_789_012)
    Recording(tmp_path).append(estimate, pair, ground_truth)
    restored = Recording.open(tmp_path).frame(0)
    for name in ('labels', 'observed', 'T_camera_voxel', 'image_labels'):
        assert np.array_equal(getattr(restored.estimate, name), getattr(estimate, name)), name
    for name in ('grid', 'camera', 'stamp_ns', 'frame_id', 'stage_ms', 'is_depth_measured'):
        assert getattr(restored.estimate, name) == getattr(estimate, name), name
    assert restored.estimate.label_space.names == estimate.label_space.names
    assert np.array_equal(restored.estimate.label_space.colors, estimate.label_space.colors)
    assert np.array_equal(restored.image, pair.left)
    assert np.array_equal(restored.right, pair.right)
    assert np.array_equal(restored.ground_truth, ground_truth)


def test_depth_keeps_millimetres_and_confidence_three_digits(tmp_path, make_estimate):
    estimate = make_estimate()
    depth_m = np.random.default_rng(0).uniform(0, 8, estimate.camera.size).astype(np.float32)
    depth_m[0, :3] = np.nan, np.inf, 0
    Recording(tmp_path).append(replace(estimate, depth_m=depth_m))
    restored = Recording.open(tmp_path).frame(0).estimate
    assert (restored.depth_m[0, :3] == 0).all()
    assert np.abs(restored.depth_m[1:] - depth_m[1:]).max() <= 0.000_501
    assert np.abs(restored.confidence - estimate.confidence).max() < 0.001


def test_what_is_not_known_stays_unknown(tmp_path, make_estimate):
    Recording(tmp_path).append(replace(make_estimate(), image_labels=None, depth_m=None))
    restored = Recording.open(tmp_path).frame(0)
    assert restored.image is restored.right is restored.ground_truth is None
    assert restored.estimate.image_labels is restored.estimate.depth_m is None


def test_the_colour_image_of_an_rgbd_frame_is_recorded(tmp_path, make_estimate, pair):
    depth_m = np.ones(pair.camera.size, np.float32)
    frame = RgbdFrame(pair.left, depth_m, pair.camera, pair.placement)
    Recording(tmp_path).append(make_estimate(), frame)
    restored = Recording.open(tmp_path).frame(0)
    assert np.array_equal(restored.image, pair.left)
    assert restored.right is None


def test_frames_come_in_order_and_appending_continues_an_existing_recording(
        recording, make_estimate):
    path = Recording(recording.folder).append(make_estimate(stamp_ns=4 * 10**9))
    assert path.name == '000003.npz'
    stamps = [frame.estimate.stamp_ns // 10**9 for frame in recording.frames()]
    assert stamps == [1, 2, 3, 4]
    assert len(recording) == 4


def test_a_cut_frame_is_left_out_with_a_warning_and_the_others_survive(recording, caplog):
    damaged = recording.paths()[1]
    damaged.write_bytes(damaged.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        stamps = [frame.estimate.stamp_ns // 10**9 for frame in recording.frames()]
    assert stamps == [1, 3]
    assert '000001.npz is damaged' in caplog.text


@pytest.mark.parametrize('share', [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_frame_cut_anywhere_is_named_as_damaged(recording, share):
    path = recording.paths()[0]
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * share)])
    with pytest.raises(DataError, match=r'000000\.npz is damaged'):
        recording.frame(0)


def test_a_writer_killed_in_the_middle_of_a_frame_leaves_the_earlier_ones(
        recording, make_estimate, monkeypatch):
    def die(file, **arrays):
        file.write(b'half a fra')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, 'savez_compressed', die)
        with pytest.raises(KeyboardInterrupt):
            recording.append(make_estimate())
    assert len(list(Recording.open(recording.folder).frames())) == 3
    assert recording.append(make_estimate(stamp_ns=4 * 10**9)).name == '000003.npz'


def test_a_damaged_frame_is_never_overwritten(recording, make_estimate):
    recording.paths()[2].write_bytes(b'')
    assert recording.append(make_estimate()).name == '000003.npz'


def test_a_folder_without_manifest_is_no_recording(tmp_path):
    with pytest.raises(DataError, match=r'recording\.json is missing.*ssc_ros demo'):
        Recording.open(tmp_path)


@pytest.mark.parametrize('text', ['', '{', '[]', '{"version": 1}', 'null'])
def test_an_unreadable_manifest_is_named(recording, text):
    (recording.folder / 'recording.json').write_text(text)
    with pytest.raises(DataError, match='cannot be read'):
        Recording.open(recording.folder)


def test_a_later_format_is_refused_with_its_version(recording):
    path = recording.folder / 'recording.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'version': 99}))
    with pytest.raises(DataError, match='format version 99'):
        Recording.open(recording.folder)


def test_frames_of_two_label_spaces_do_not_mix(recording, make_estimate):
    other = replace(make_estimate(), label_space=load_label_space('scannet15'))
    with pytest.raises(DataError, match="label space 'nyu12', not 'scannet15'"):
        recording.append(other)


def test_a_recording_can_be_read_where_its_label_space_is_not_installed(recording):
    path = recording.folder / 'recording.json'
    path.write_text(path.read_text().replace('"nyu12"', '"of_my_own"'))
    assert Recording.open(recording.folder).label_space.names[2] == 'floor'


def test_ground_truth_of_another_grid_is_refused(make_estimate):
    with pytest.raises(DataError, match='ground truth is'):
        RecordedFrame.of(make_estimate(), None, np.zeros((2, 2, 2), np.uint8))
