"""Images of any size become labels of their own pixels, whatever the network's size is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import RgbFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.estimator import load_image_estimator
from ssc_ros.models.execution import build_seeded
from ssc_ros.models.gad.inputs import GadOutput
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import load_preset
from ssc_ros.models.gad.processing import TRAINING_FOCAL_RATIO, GadEstimator
from ssc_ros.weights import save_bundle

SMALL = load_preset('small')


class Painter(GadNetwork):
    """Answers with the class 1 where the image is bright, 2 elsewhere, always 2 m away."""

    def __init__(self, config):
        torch.nn.Module.__init__(self)
        self.config = config

    def forward(self, images, **options):
        bright = (images.mean(dim=1, keepdim=True) > 0.5).float()
        logits = torch.full((1, self.config.num_classes, *images.shape[2:]), -9.0)
        logits[:, 1:2], logits[:, 2:3] = 9 * bright, 9 * (1 - bright)
        return GadOutput(logits, torch.full_like(bright, 2.0), None)


def painter(**changes):
    config = replace(SMALL, name='painter', input_norm='unit', **changes)
    return GadEstimator(Painter(config), name='painter', device='cpu', precision='float32')


def frame(height, width, *, focal_px=None):
    focal_px = focal_px or TRAINING_FOCAL_RATIO * width
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2] = 255
    return RgbFrame(rgb, PinholeCamera(
        focal_px, focal_px, (width - 1) / 2, (height - 1) / 2, height, width), stamp_ns=7,
        frame_id='eye')


@pytest.mark.parametrize('size', [(240, 320), (480, 640), (720, 1280), (640, 480), (50, 400)])
def test_every_pixel_of_an_image_of_any_size_gets_its_label(size):
    estimate = painter()(frame(*size))
    half = size[1] // 2
    assert estimate.image_labels.shape == estimate.depth_m.shape == size
    # Class 1 of NYUv2 is id 0 here; the network's pixels may be coarser than the camera's.
    margin = max(2, size[1] // 160)
    assert (estimate.image_labels[:, :half - margin] == 0).all()
    assert (estimate.image_labels[:, half + margin:] == 1).all()
    assert (estimate.confidence > 0.9).all()
    assert (estimate.stamp_ns, estimate.frame_id) == (7, 'eye')


def test_what_a_cropping_network_does_not_see_has_no_label_and_no_depth():
    estimate = painter(crop_size=(228, 304))(frame(480, 640))
    is_seen = np.zeros((480, 640), bool)
    is_seen[12:468, 16:624] = True
    np.testing.assert_array_equal(estimate.image_labels != IGNORE_ID, is_seen)
    np.testing.assert_array_equal(estimate.confidence > 0, is_seen)
    is_inner = np.zeros((480, 640), bool)
    is_inner[14:466, 18:622] = True
    assert (estimate.depth_m[is_inner] == 2).all() and not estimate.depth_m[~is_seen].any()
    assert set(np.unique(estimate.depth_m)) == {0.0, 2.0}


@pytest.mark.parametrize('size', [(480, 640), (640, 480)])
def test_depth_follows_the_focal_length_of_the_camera(size):
    focal_px = 1038.0
    estimate = painter()(frame(*size, focal_px=focal_px))
    scale = min(240 / size[0], 320 / size[1])
    expected = 2 * focal_px * scale / (TRAINING_FOCAL_RATIO * 320)
    np.testing.assert_allclose(estimate.depth_m, expected, rtol=1e-5)


def test_a_network_without_depth_tells_none():
    class Flat(Painter):
        def forward(self, images, **options):
            return super().forward(images)._replace(depth_m=None)

    network = Flat(replace(SMALL, input_norm='unit'))
    estimator = GadEstimator(network, name='flat', device='cpu', precision='float32')
    assert estimator(frame(240, 320)).depth_m is None


def test_a_bundle_gives_the_estimate_of_the_network_it_was_made_of(tmp_path):
    network = build_seeded(lambda: GadNetwork(SMALL), 3)
    original = GadEstimator(network, name='original', device='cpu', precision='float32')
    save_bundle(tmp_path / 'bundle', SMALL.to_dict(), network.state_dict(), 'a card', model='gad',
                half_precision=False)
    again = load_image_estimator(tmp_path / 'bundle', device='cpu', precision='float32')
    again.warm_up()
    picture = frame(120, 160)
    np.testing.assert_array_equal(
        again(picture).image_labels, original(picture).image_labels)


def test_configurations_that_do_not_fit_are_refused_with_the_remedy():
    with pytest.raises(ConfigurationError, match='set num_classes to one more'):
        painter(num_classes=30)
    with pytest.raises(ConfigurationError, match='3 input channels'):
        GadEstimator.with_random_weights('semantic-hha')
    with pytest.raises(ConfigurationError, match='unknown GAD configuration'):
        load_image_estimator('random:gad/huge')


@pytest.mark.gpu
def test_a_gpu_gives_the_labels_of_the_cpu():
    picture = frame(480, 640)
    on_cpu, on_gpu = (
        load_image_estimator('random:gad/small', device=device, precision='float32')(picture)
        for device in ('cpu', 'cuda'))
    assert (on_cpu.image_labels == on_gpu.image_labels).mean() > 0.99
    is_known = (on_cpu.depth_m > 0.1) & (on_gpu.depth_m > 0.1)
    np.testing.assert_allclose(
        np.median(on_gpu.depth_m[is_known]), np.median(on_cpu.depth_m[is_known]), rtol=0.01)
