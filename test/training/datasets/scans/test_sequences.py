"""The real sequences at hand, and where down is in them."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.geometry.gravity import DepthView, level_pose_from_depth
from training.datasets.scans import open_redwood, open_seven_scenes, open_tartanair
from training.datasets.scans.files import write_png
from training.datasets.scans.reprojection import depth_disagreement_m
from training.datasets.scans.sequences import gravity_alignment

# Neighbouring frames of each sequence and how many frames there are.
CASES = {
    'sevenscenes': (open_seven_scenes, ('000000', '000020'), 20),
    'redwood': (open_redwood, ('00000', '00002'), 5),
    'tartanair': (open_tartanair, ('000176', '000180'), 3),
}


@pytest.fixture(params=CASES)
def sequence(request, shared_data):
    folder = shared_data / 'rgbd_sequences' / request.param
    if not folder.is_dir():
        pytest.skip(f'{folder} is absent')
    opener, pair, count = CASES[request.param]
    return opener(folder), pair, count


def test_depth_of_one_view_agrees_with_another_one(sequence):
    scan, pair, count = sequence
    assert len(scan) == count
    source, target = (scan.read(frame_id) for frame_id in pair)
    assert source.rgb.shape == (480, 640, 3)
    scale = float(np.median(source.depth_m[source.depth_m > 0]))
    assert depth_disagreement_m(source, target) < 0.02 * scale


def test_the_world_is_upright(sequence):
    scan, pair, _ = sequence
    if scan.name == 'tartanair':
        pytest.skip('its camera is tilted too far for gravity to be told from one image')
    frame = scan.read(pair[0])
    expected = level_pose_from_depth(DepthView(frame.depth_m, frame.depth_camera))[2, :3]
    assert float(frame.T_world_camera[2, :3] @ expected) > np.cos(np.deg2rad(6))


def test_tartanair_axes_become_those_of_a_z_up_world(tmp_path):
    for name in ('image_left', 'depth_left'):
        (tmp_path / name).mkdir()
    depth_m = np.full((480, 640), 3, np.float32)
    depth_m[0, 0] = 2700
    np.save(tmp_path / 'depth_left' / '000001_left_depth.npy', depth_m)
    write_png(tmp_path / 'image_left' / '000001_left.png', np.zeros((480, 640, 3), np.uint8))
    (tmp_path / 'pose_left.txt').write_text('0 0 0 0 0 0 1\n4 5 6 0 0 0 1\n')
    frame = open_tartanair(tmp_path).read('000001')
    assert (frame.depth_m[0, 0], frame.depth_m[5, 5]) == (0, 3)
    # Level and facing x: image down is world down, image right is world -y.
    np.testing.assert_allclose(frame.T_world_camera, [
        [0, 0, 1, 4], [-1, 0, 0, -5], [0, -1, 0, -6], [0, 0, 0, 1]])


@pytest.mark.parametrize('gravity', [(0, 0, -1), (0, 0, 2), (1, -2, 0.5)])
def test_gravity_ends_up_pointing_down(gravity):
    turn = gravity_alignment(gravity)[:3, :3]
    np.testing.assert_allclose(turn @ gravity / np.linalg.norm(gravity), [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
