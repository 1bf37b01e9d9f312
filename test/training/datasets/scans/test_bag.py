from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.errors import DataError
from ssc_ros.geometry.placement import place_rounded
from ssc_ros.messages.odometry import decode_odometry
from training.datasets.scans.__main__ import main
from training.datasets.scans.bag import ScanBagOptions, floor_height_m, write_scan_bag

from .tiny import CAMERA, TinyScan


def read(bag):
    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
        frames = [item.frame for item in FrameReader(
            reader, topics, lambda pose: place_rounded('nyu', pose))]
        poses = [decode_odometry(message.decode()).T_parent_child
                 for message in reader.messages((topics.odometry,))]
    return frames, poses


def test_a_bag_holds_the_frames_and_poses_of_a_scan(tmp_path):
    scan = TinyScan(frames=3)
    assert write_scan_bag(tmp_path / 'bag', scan, ScanBagOptions(rate_hz=4.0)) == 3
    frames, poses = read(tmp_path / 'bag')
    assert len(frames) == len(poses) == 3
    for frame, pose, original in zip(frames, poses, scan, strict=True):
        np.testing.assert_allclose(frame.depth_m, original.depth_m, atol=6e-4)
        assert frame.depth_m[0, 0] == 0
        assert np.abs(frame.rgb.astype(int) - original.rgb).mean() < 12
        np.testing.assert_allclose(pose, original.T_world_camera, atol=1e-9)
        assert frame.camera == CAMERA
    assert frames[1].stamp_ns - frames[0].stamp_ns == 250_000_000


def test_the_floor_can_be_brought_to_zero(tmp_path):
    scan = TinyScan()
    floor = floor_height_m(scan)
    write_scan_bag(tmp_path / 'bag', scan, ScanBagOptions(levels_floor=True))
    _, poses = read(tmp_path / 'bag')
    assert abs(floor) > 0.1
    np.testing.assert_allclose(poses[0][2, 3], scan.pose('0')[2, 3] - floor, atol=1e-9)


def test_impossible_rates_and_existing_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match='positive'):
        ScanBagOptions(rate_hz=0)
    write_scan_bag(tmp_path / 'bag', TinyScan())
    with pytest.raises(DataError, match='exists'):
        write_scan_bag(tmp_path / 'bag', TinyScan())


def test_the_command_writes_a_synthetic_walk(tmp_path, capsys):
    assert main(['bag', str(tmp_path / 'bag'), '--split', 'test', '--rooms', '1', '--frames', '2',
                 '--height', '24', '--width', '32']) == 0
    assert '2 frames' in capsys.readouterr().out
    frames, _ = read(tmp_path / 'bag')
    assert frames[0].depth_m.max() > 0.5
