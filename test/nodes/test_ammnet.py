"""What rgbd_node publishes of AMMNet is what the offline estimator says, voxel for voxel."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.commands.samples import sample_bag

pytestmark = [pytest.mark.ros, pytest.mark.timeout(200)]

WEIGHTS = 'random:ammnet/small'


@pytest.fixture(scope='module')
def offline():
    pytest.importorskip('torch')
    from ssc_ros.models.estimator import load_estimator

    return load_estimator(WEIGHTS, device='cpu')


def test_synthetic_rooms_give_the_offline_estimate(graph, offline, rgbd_replays):
    frames = rgbd_replays.read_frames(sample_bag(), offline, count=2)
    replay = rgbd_replays.Replay(graph, offline, sample_bag(), **{'pose.source': 'odometry'})
    replay.connect(listens_to_odometry=True)
    rgbd_replays.assert_equal_voxel_for_voxel(replay.run(2), frames, offline)


@pytest.mark.parametrize('pose', [
    {'pose.source': 'odometry', 'pose.heading': 'world'}, {'pose.source': 'depth'}],
    ids=['odometry', 'depth'])
def test_a_real_kinect_frame_gives_the_offline_estimate(
        graph, offline, rgbd_replays, kinect_bag, pose):
    frames = rgbd_replays.read_frames(
        kinect_bag, offline, count=1, heading=pose.get('pose.heading', 'camera'),
        pose_from_depth=pose['pose.source'] == 'depth')
    replay = rgbd_replays.Replay(graph, offline, kinect_bag, **pose)
    replay.connect(listens_to_odometry=pose['pose.source'] == 'odometry')
    rgbd_replays.assert_equal_voxel_for_voxel(replay.run(1), frames, offline)


def test_a_real_kinect_frame_gives_the_estimate_of_the_published_arrays(
        offline, rgbd_replays, kinect_bag, shared_data):
    """TSDF and mapping of the package against those of depth and odometry in the bag."""
    from ssc_ros.models.ammnet.processing import prepare_arrays

    frame, = rgbd_replays.read_frames(kinect_bag, offline, count=1, heading='world')
    arrays = {}
    for name in ('TSDF', 'Mapping'):
        path = shared_data / 'nyu' / name / '0001.npz'
        if not path.is_file():
            pytest.skip(f'no {path}')
        with np.load(path) as file:
            arrays[name] = file['arr_0']
    inputs = prepare_arrays(
        offline.config, tsdf=arrays['TSDF'], pixel_of_voxel=arrays['Mapping'], rgb=frame.rgb)
    labels, _ = offline.complete(inputs)
    online = offline.prepare(frame)
    # The node rounds poses to a millimetre and 0.05 degrees.
    assert (online.inputs.tsdf - inputs.tsdf).abs().mean() < 0.01
    assert (offline(frame).labels == labels)[online.nonfree].mean() > 0.95
