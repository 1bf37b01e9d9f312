"""``ssc_ros demo s4r`` over real DDS, on a bag of a few frames."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.bags import BagWriter, builders
from ssc_ros.cli import main
from ssc_ros.commands.samples import WALK_BAG, sample_bag
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import level_camera_pose

CAMERA = PinholeCamera(60.0, 60.0, 39.5, 29.5, 60, 80)
FRAME_ID = 'camera_optical_frame'


def write_bag(path: Path, *, with_poses: bool = True) -> Path:
    """Write four frames of a camera before a wall, two a second."""
    with BagWriter(path) as writer:
        for index in range(4):
            stamp_ns = 1_000_000_000 + index * 500_000_000
            messages = [
                ('/stereo/left/camera_info', builders.camera_info(CAMERA, stamp_ns, FRAME_ID)),
                ('/stereo/left/image_rect_color', builders.image(
                    np.full((60, 80, 3), 120, np.uint8), stamp_ns, FRAME_ID)),
                ('/stereo/left/depth/image_raw', builders.image(
                    np.full((60, 80), 1500, np.uint16), stamp_ns, FRAME_ID))]
            if with_poses:
                messages.insert(0, ('/odom', builders.odometry(
                    level_camera_pose(height_m=1.0), stamp_ns, FRAME_ID)))
            for topic, message in messages:
                writer.write(topic, stamp_ns, message)
    return path


@pytest.mark.ros
@pytest.mark.slow
def test_the_demo_maps_reports_and_draws(tmp_path, monkeypatch):
    monkeypatch.setattr('ssc_ros.commands.map_demo.SETTLE_S', 4.0)
    bag, out = write_bag(tmp_path / 'bag'), tmp_path / 'out'
    assert main(['demo', 's4r', '--weights', 'dummy', '--bag', str(bag), '--out', str(out)]) == 0
    report = json.loads((out / 'report.json').read_text())
    assert report['frames_in'] == 4 and 1 <= report['frames fused'] <= 4
    assert report['completions'] >= 1 and report['measured voxels'] > 100
    assert report['completed voxels'] > 100 and report['p50_ms']['integrate'] > 0
    pytest.importorskip('embreex')
    assert (out / 'pictures' / 'map.png').stat().st_size > 10_000


@pytest.mark.ros
@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--real'], 'depth'), (['--weights', 'random:ammnet/small'], 's4r')])
def test_what_does_not_fit_is_refused(tmp_path, capsys, arguments, reason):
    assert main(['demo', 's4r', '--out', str(tmp_path), *arguments]) != 0
    assert reason in capsys.readouterr().err


@pytest.mark.ros
def test_a_bag_without_poses_is_refused(tmp_path, capsys):
    bag = write_bag(tmp_path / 'bag', with_poses=False)
    assert main(['demo', 's4r', '--weights', 'dummy', '--bag', str(bag),
                 '--out', str(tmp_path / 'out')]) != 0
    assert '/odom' in capsys.readouterr().err


def test_the_walk_that_ships_is_small_and_has_poses():
    from ssc_ros.bags import BagReader

    bag = sample_bag(WALK_BAG)
    assert sum(file.stat().st_size for file in bag.iterdir()) < 5e6
    with BagReader(bag) as reader:
        assert reader.topics['/odom'].message_count == 48
