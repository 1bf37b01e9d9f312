"""No seams show where windows meet: the shipped network on a scan of synthetic rooms."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.commands.samples import WALK_BAG, sample_bag
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import prepare_frame
from ssc_ros.fusion.rolling_arrays import PlaneBox
from ssc_ros.fusion.rolling_fusion import RollingFusion
from ssc_ros.geometry.placement import place_rounded
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.odometry import decode_odometry
from ssc_ros.models.estimator import load_volume_estimator
from ssc_ros.models.s4r.inference import complete_volume
from ssc_ros.models.s4r.inputs import S4rOutput

FRAMES, WINDOW, STRIDE = 6, 32, 16


@pytest.fixture(scope='module')
def network():
    return load_volume_estimator('s4r_small_rooms', device='cpu')


@pytest.fixture(scope='module')
def scan(network):
    """Return (5, 64, 48, 64) of what the first frames of the sample walk measured."""
    size_m = network.config.voxel_size_m
    fusion = RollingFusion((64, 128, 128), voxel_size_m=size_m)
    with BagReader(sample_bag(WALK_BAG)) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
        poses = {stamp_ns(item.decode().header.stamp): decode_odometry(item.decode())
                 for item in reader.messages((topics.odometry,))}
        frames = FrameReader(reader, topics, lambda pose: place_rounded('nyu', pose))
        for item in islice(frames, FRAMES):
            frame, pose = item.frame, poses[item.frame.stamp_ns].T_parent_child
            fusion.follow(fusion.column_of(pose[:3, 3]))
            fusion.integrate(prepare_frame(PosedFrame(
                '', frame.depth_m, frame.rgb, frame.camera, frame.camera, pose), fusion.settings))
    y, x = fusion.column_of(pose[:3, 3] + pose[:3, 2])
    box = PlaneBox((y - 24, x - 32), (48, 64))
    return torch.from_numpy(fusion.volume(box).network_input())


def test_distances_hardly_change_where_a_window_of_the_trained_network_begins(network, scan):
    answers: list[tuple[torch.Tensor, np.ndarray]] = []

    def predict(chunks: torch.Tensor) -> S4rOutput:
        output = network.complete_chunks(chunks)
        answers.extend(zip(chunks, output.tsdf_voxels[:, 0].clamp(-3, 3).numpy(), strict=True))
        return output

    blended = complete_volume(scan, predict, network.config)
    first_share = 0.5 / STRIDE
    steps, differences = [], []
    for y in range(0, 48 - STRIDE, STRIDE):
        for x in range(STRIDE, 64 - STRIDE, STRIDE):
            window = scan[:, :, y:y + WINDOW, x:x + WINDOW]
            said = next((tsdf for chunk, tsdf in answers if torch.equal(chunk, window)), None)
            if said is None:
                continue  # no surface in it
            here = (slice(None), slice(y, y + WINDOW), x)
            # The step is what the window adds in its first column; beyond, it is not there.
            apart = np.abs(said[:, :, 0] - blended.tsdf_voxels[here])[blended.near_surface[here]]
            differences.append(apart)
            steps.append(first_share / (1 - first_share) * apart)
    step, apart = np.concatenate(steps), np.concatenate(differences)
    assert len(step) > 500 and apart.max() > 0.5  # windows do contradict each other
    assert step.mean() < 0.03 and np.percentile(step, 99) < 0.1
