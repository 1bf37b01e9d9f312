"""Tests of which frames make which volume."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.frame_choice import kept_frames, room_frames, stored_kept_frames, video_frames
from ssc_ros.fusion.room_box import RoomBox

IDS = [str(i) for i in range(1000)]


def pose_at(*position: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = position
    return pose


def test_a_scene_always_gets_the_same_frames_and_another_scene_others():
    assert kept_frames(IDS, 'room1') == kept_frames(IDS, 'room1')
    assert kept_frames(IDS, 'room1') != kept_frames(IDS, 'room2')


@pytest.mark.parametrize('drop_probability', [0.5, 0.65, 0.8])
@pytest.mark.parametrize('run_length', [1, 5])
def test_as_many_frames_are_kept_as_chance_says(drop_probability, run_length):
    kept = kept_frames(IDS, 'room', drop_probability=drop_probability, run_length=run_length)
    deviation = np.sqrt(drop_probability * (1 - drop_probability) * run_length / len(IDS))
    assert abs(len(kept) / len(IDS) - (1 - drop_probability)) < 3 * deviation


def test_frames_of_a_video_are_kept_in_whole_runs():
    kept = {int(frame_id) for frame_id in kept_frames(IDS, 'scan', run_length=5)}
    assert all(sum(5 * run + k in kept for k in range(5)) in (0, 5) for run in range(200))


def test_a_stored_choice_is_used_again(tmp_path):
    kept = stored_kept_frames(tmp_path / 'lists', IDS, 'room')
    assert kept == kept_frames(IDS, 'room')
    (tmp_path / 'lists' / 'room.txt').write_text('5\n6\n')
    assert stored_kept_frames(tmp_path / 'lists', IDS, 'room') == ('5', '6')


def test_frames_of_a_room_are_those_inside_and_the_nearest_outside():
    room = RoomBox((0, 0, 1), (1, 2, 1))
    poses = {'in': pose_at(0.9, 1.9, 1), 'near': pose_at(1.5, 0, 1), 'far': pose_at(9, 0, 1),
             'lost': np.full((4, 4), np.nan), 'in too': pose_at(0, 0, 1)}
    assert room_frames(poses, room, neighbours=1) == ('in', 'near', 'in too')
    assert room_frames(poses, room, neighbours=30) == ('in', 'near', 'far', 'in too')


def test_every_twentieth_frame_of_a_video_is_a_candidate_if_it_was_tracked():
    poses = {frame_id: pose_at(0, 0, 0) for frame_id in IDS[:100]}
    poses['40'] = np.full((4, 4), -np.inf)
    assert video_frames(poses) == ('0', '20', '60', '80')


def test_dropping_all_frames_is_refused():
    with pytest.raises(ConfigurationError, match=r'drop_probability 1\.0'):
        kept_frames(IDS, 'room', drop_probability=1.0)
