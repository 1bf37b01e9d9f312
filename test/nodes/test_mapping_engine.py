"""Tests of fusing and completing one map, without a node around it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.ros

SIZE = (48, 64)
VOXEL_SIZE_M = 0.1


class Identity:
    """Returns what it is given, window by window, as a perfect network would."""

    def __init__(self):
        from ssc_ros.labels import load_label_space
        from ssc_ros.models.s4r.presets import load_preset

        self.name, self.device = 'identity', 'cpu'
        self.config = replace(load_preset('small'), channels=(2, 3, 4), chunk_shape=(16, 8, 8),
                              voxel_size_m=VOXEL_SIZE_M)
        self.label_space = load_label_space(self.config.label_space)
        self.calls, self.may_finish = 0, threading.Event()
        self.may_finish.set()

    def warm_up(self):
        pass

    def predict(self, chunks):
        import torch

        from ssc_ros.models.s4r.inputs import S4rOutput

        classes = torch.arange(self.config.num_classes).view(-1, 1, 1, 1)
        return S4rOutput(chunks[:, :1], chunks[:, 1:4], torch.where(
            chunks[:, :1].abs() < 3, 9.0, -9.0), -(chunks[:, 1:2] * 10 - classes).abs())

    def __call__(self, frame):
        import torch

        from ssc_ros.models.s4r.inference import complete_volume

        self.calls += 1
        assert self.may_finish.wait(30)
        return complete_volume(torch.from_numpy(frame), self.predict, self.config)


@pytest.fixture
def network():
    return Identity()


def make_engine(network, map_m, square_m):
    """Return an engine for a map and for squares so wide."""
    from ssc_ros.nodes.mapping_engine import MappingEngine
    from ssc_ros.nodes.mapping_settings import (
        MapCompletionParameters,
        MapParameters,
        MappingParameters,
    )

    return MappingEngine(network, MappingParameters(
        map=MapParameters(extent_m=map_m), completion=MapCompletionParameters(extent_m=square_m)))


@pytest.fixture
def engine(network):
    engine = make_engine(network, 9.6, 4.8)
    yield engine
    engine.close()


def frame(index: int, *, position=(0.0, 0.0, 0.7)):
    """Return a rough wall ahead of a level camera that looks along x."""
    from ssc_ros.fusion.posed_frame import PosedFrame
    from ssc_ros.geometry.cameras import PinholeCamera

    random = np.random.default_rng(index)
    camera = PinholeCamera(50.0, 50.0, 31.5, 23.5, *SIZE)
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    pose[:3, 3] = position
    depth = 1.5 + 0.2 * random.random((6, 8), np.float32).repeat(8, 0).repeat(8, 1)
    return PosedFrame(str(index), depth, random.integers(0, 256, (*SIZE, 3), np.uint8), camera,
                      camera, pose, 1_000_000_000 * (1 + index))


def test_squares_of_a_network_that_returns_its_input_reproduce_the_map_exactly(engine):
    for index in range(12):
        engine(frame(index, position=(0.1 * index, 0.3 * index - 1.6, 0.7)))
        engine.complete(1.0)  # of a map that goes on changing
    while engine.waiting_tiles:
        assert engine.complete(1.0)
    assert engine.counts.completions > 12
    view = engine.map.view()
    said, covered = view.completion, (view.completion.labels != 255).all(axis=0)
    volume = view.volume.network_input()
    assert covered.sum() > 1000 and said.near_surface[:, covered].any()
    assert not said.near_surface[:, ~covered].any()
    # Half precision is all that a map keeps.
    np.testing.assert_array_equal(
        said.tsdf_voxels[:, covered], volume[0].astype(np.float16)[:, covered])
    np.testing.assert_array_equal(said.rgb[:, covered], view.volume.rgb[:, covered])
    is_seen = (view.volume.weight > 0) & covered
    expected = np.rint(volume[1] * 10)
    close = np.abs(volume[1] * 10 - expected) < 0.4
    np.testing.assert_array_equal(said.labels[is_seen & close], expected[is_seen & close])


def test_fusing_takes_no_longer_while_the_network_works(engine, network):
    from statistics import median

    def fused_ms(first):
        return median(engine(frame(index)).stage_ms['integrate'] for index in range(
            first, first + 15))

    fused_ms(0)
    alone = fused_ms(15)
    network.may_finish.clear()
    worker = threading.Thread(target=engine.complete, args=(1.0,))
    worker.start()
    try:
        while not network.calls:
            assert worker.is_alive()
        beside = fused_ms(30)
        assert worker.is_alive() and engine.counts.completions == 0
    finally:
        network.may_finish.set()
        worker.join(30)
    assert beside < 10 * alone + 20  # a wait would have lasted for 30 s
    assert engine.counts.completions == 1


def test_squares_are_large_enough_to_overlap_whatever_is_asked_for(network):
    engine = make_engine(network, 1.0, 0.1)
    assert engine.extent_m == pytest.approx((4.8, 4.8, 1.6))
    engine.close()


def test_squares_that_share_one_stride_give_what_all_windows_at_once_give(network):
    import torch

    from ssc_ros.fusion.completion import blended
    from ssc_ros.fusion.rolling_arrays import PlaneBox
    from ssc_ros.fusion.rolling_completion import RollingCompletion
    from ssc_ros.models.s4r.inference import complete_volume
    from ssc_ros.models.s4r.windows import axis_weights
    from ssc_ros.nodes.mapping_engine import as_completion

    def contradict(chunks):
        """Predict what depends on all of a window, so that no two agree."""
        return network.predict(chunks)._replace(
            tsdf_voxels=chunks[:, :1] + chunks[:, 1].mean(dim=(1, 2, 3)).view(-1, 1, 1, 1, 1))

    torch.manual_seed(0)
    volume = torch.rand(5, 16, 8, 44)
    whole = complete_volume(volume, contradict, network.config)
    known = RollingCompletion((16, 8, 44))
    for first, is_first in ((20, False), (0, True)):
        box = PlaneBox((0, first), (8, 24))
        along = axis_weights(24, 4, 'tent', is_first=is_first, is_last=not is_first)
        answer = complete_volume(volume[..., first:first + 24], contradict, network.config)
        known.write(box, blended(known.read(box), as_completion(
            answer, np.outer(np.ones(8, np.float32), along))))
    result = known.read(known.box)
    np.testing.assert_allclose(result.tsdf_voxels, whole.tsdf_voxels, atol=2e-3)
    single = complete_volume(volume[..., :24], contradict, network.config).tsdf_voxels
    assert np.abs(single[..., 20:] - whole.tsdf_voxels[..., 20:24]).max() > 5e-3
