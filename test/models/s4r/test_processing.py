from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError, DataError, WeightsError
from ssc_ros.models.estimator import load_estimator, load_volume_estimator
from ssc_ros.models.registry import NETWORKS
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.presets import load_preset
from ssc_ros.models.s4r.processing import S4rEstimator
from ssc_ros.models.s4r.windows import Windowing
from ssc_ros.weights import save_bundle

CONFIG = replace(load_preset('small'), channels=(2, 3, 4), chunk_shape=(16, 8, 8))


def estimator() -> S4rEstimator:
    return S4rEstimator(S4rNetwork(CONFIG), name='tiny', device='cpu', precision='float32')


def scan(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([
        rng.uniform(-3, 3, (1, *shape)), rng.random((3, *shape)),
        np.ones((1, *shape))]).astype(np.float32)


def test_a_scene_is_completed_and_timed():
    completed = estimator()(scan(16, 14, 20))
    assert completed.covered.shape == (16, 14, 20)
    assert completed.covered.all()
    assert set(completed.stage_ms) == {'prepare', 'network', 'finish'}


def test_one_chunk_answers_as_the_bare_network():
    network = S4rNetwork(CONFIG).eval()
    runner = S4rEstimator(network, name='tiny', device='cpu', precision='float32')
    volume = scan(16, 8, 8)
    with torch.inference_mode():
        expected = network(torch.from_numpy(volume)[None])
    answer = runner(volume)
    np.testing.assert_allclose(
        answer.tsdf_voxels, expected.tsdf_voxels[0, 0].clamp(-3, 3), atol=1e-4)
    assert np.array_equal(answer.labels, expected.class_logits[0].argmax(dim=0))
    assert np.array_equal(answer.near_surface, (
        (expected.occupancy_logits > 0) & (expected.tsdf_voxels.abs() < 3))[0, 0])


def test_windowing_may_be_set_at_any_time():
    runner = estimator()
    volume = scan(16, 8, 20)
    once = runner(volume)
    runner.windowing = Windowing(keeps_probabilities=True)
    assert once.probabilities is None
    assert runner(volume).probabilities.shape == (11, 16, 8, 20)


def test_a_frame_that_is_no_volume_is_refused():
    with pytest.raises(DataError, match='network_input'):
        estimator()(np.zeros((16, 8, 8), np.float32))


def test_classes_must_be_those_of_the_label_space():
    with pytest.raises(ConfigurationError, match='set num_classes to that'):
        S4rEstimator(S4rNetwork(replace(CONFIG, num_classes=12)), name='x', device='cpu')


def test_bundles_and_random_weights_load_by_name(tmp_path):
    network = S4rNetwork(CONFIG)
    save_bundle(tmp_path / 'tiny', CONFIG.to_dict(), network.state_dict(), '', model='s4r')
    loaded = load_volume_estimator(tmp_path / 'tiny', device='cpu')
    assert loaded.config == CONFIG
    loaded.warm_up()
    drawn = load_volume_estimator('random:s4r/small', device='cpu')
    assert (drawn.name, drawn.config.name) == ('random:s4r/small', 'small')


def test_nodes_that_take_frames_refuse_it():
    with pytest.raises(ConfigurationError, match=r'fused volumes \(mapping_node\)'):
        load_estimator('random:s4r/small')
    with pytest.raises(ConfigurationError, match=r'label images \(segmentation_node\), but'):
        load_volume_estimator('random:gad/small')


def test_there_are_no_official_weights_to_convert(tmp_path):
    with pytest.raises(WeightsError, match='published no weights'):
        NETWORKS['s4r'].convert_checkpoint(tmp_path / 'a.pth', tmp_path / 'b')


@pytest.mark.gpu
def test_a_gpu_completes_the_same_scene():
    network, volume = S4rNetwork(CONFIG), scan(16, 14, 20)
    host, device = (
        S4rEstimator(network, name='x', device=name, precision='float32')(volume)
        for name in ('cpu', 'cuda'))
    np.testing.assert_allclose(device.tsdf_voxels, host.tsdf_voxels, atol=1e-2)
    assert (device.labels == host.labels).mean() > 0.99
