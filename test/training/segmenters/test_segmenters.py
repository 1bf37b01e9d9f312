"""Segmenters: their classes, their confidence, and labels kept on disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from ssc_ros.errors import ConfigurationError, DataError, WeightsError
from ssc_ros.labels import load_label_space
from training.datasets.scans.frame import Scan, ScanFrame
from training.segmenters import EstimatorSegmenter, Segmentation
from training.segmenters.colors import (
    ColorSegmenter,
    class_color,
    class_hues,
    corrupted_labels,
)
from training.segmenters.hub import HubSegmenter
from training.segmenters.pseudo_labels import label_scan, read_pseudo_labels

NAMES = {0: 'wall', 1: 'floor', 2: 'sky', 3: 'television receiver'}


@pytest.fixture(scope='module')
def segformer(tmp_path_factory):
    """Return the folder of a tiny model that answers by the brightness of an image."""
    torch.manual_seed(0)
    network = SegformerForSemanticSegmentation(SegformerConfig(
        num_encoder_blocks=4, depths=[1] * 4, hidden_sizes=[8] * 4, num_attention_heads=[1] * 4,
        sr_ratios=[1] * 4, mlp_ratios=[1] * 4, decoder_hidden_size=8,
        id2label=NAMES, label2id={name: index for index, name in NAMES.items()}))
    folder = tmp_path_factory.mktemp('segformer')
    network.save_pretrained(folder)
    return folder


def test_doubtful_pixels_lose_their_labels():
    answer = Segmentation(np.array([[1, 2, 3]], np.uint8),
                          np.array([[0.49, 0.5, 0.9]], np.float32))
    assert answer.confident().tolist() == [[255, 2, 3]]
    assert answer.confident(0.95).tolist() == [[255, 255, 255]]


def test_a_network_of_the_package_labels_any_image():
    segmenter = EstimatorSegmenter('dummy', 'matterport11')
    answer = segmenter(np.zeros((40, 60, 3), np.uint8))
    assert answer.labels.shape == answer.confidence.shape == (40, 60)
    names = segmenter.label_space.names
    assert {names[label] for label in np.unique(answer.labels)} == {'wall', 'floor'}
    assert names[answer.labels[0, 0]] == 'wall'


def test_a_hub_model_answers_in_the_classes_wanted(segformer):
    segmenter = HubSegmenter(segformer, 'ade20k', 'matterport11', short_side=64, device='cpu')
    rgb = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    answer = segmenter(rgb)
    assert answer.labels.shape == (50, 70)
    names = segmenter.label_space.names
    assert {int(label) for label in np.unique(answer.labels)} <= {
        names.index('wall'), names.index('floor'), names.index('tv'), 255}
    assert (answer.confidence > 0.2).all() and (answer.confidence <= 1).all()


def test_mirroring_an_image_mirrors_its_labels(segformer):
    segmenter = HubSegmenter(segformer, 'ade20k', 'matterport11', short_side=64, device='cpu')
    rgb = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    first, second = segmenter(rgb), segmenter(np.ascontiguousarray(rgb[:, ::-1]))
    np.testing.assert_allclose(first.confidence, second.confidence[:, ::-1], atol=1e-5)


def test_ids_of_mseg_need_no_names(segformer):
    segmenter = HubSegmenter(segformer, 'mseg', 'scannet15', short_side=32, device='cpu')
    assert (segmenter(np.zeros((32, 32, 3), np.uint8)).labels == 255).all()


def test_what_is_no_model_or_has_no_map_is_refused(tmp_path, segformer):
    with pytest.raises(WeightsError, match='hub id or a folder'):
        HubSegmenter(tmp_path, 'ade20k', 'matterport11', device='cpu')
    with pytest.raises(ConfigurationError, match='no class map from cityscapes'):
        HubSegmenter(segformer, 'cityscapes', 'matterport11', device='cpu')
    with pytest.raises(DataError, match='uint8 RGB'):
        ColorSegmenter('nyu12')(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize('value', [0.25, 0.6, 0.95])
def test_hues_tell_classes_at_any_brightness(value):
    space = load_label_space('matterport11')
    colors = [class_color(hue, 0.8, value) for hue in class_hues(space)]
    image = np.rint(np.array([colors]) * 255).astype(np.uint8)
    answer = ColorSegmenter('matterport11')(image)
    assert answer.labels[0].tolist() == list(range(11))
    assert (answer.confidence >= 0.8).all()


def test_what_is_too_dark_has_no_class():
    assert ColorSegmenter('nyu12')(np.full((1, 1, 3), 4, np.uint8)).labels[0, 0] == 255


def test_a_share_of_labels_is_corrupted_and_none_invented():
    labels = np.full((160, 160), 3, np.uint8)
    labels[:, :40] = 255
    wrong = corrupted_labels(labels, 0.3, 11, np.random.default_rng(0))
    assert (wrong[:, :40] == 255).all()
    assert 0.15 < (wrong[:, 40:] != 3).mean() < 0.45
    assert wrong[:, 40:].max() < 11
    np.testing.assert_array_equal(
        corrupted_labels(labels, 0.0, 11, np.random.default_rng(0)), labels)


class OneColor(Scan):
    """Two frames in the colours of two classes."""

    def __init__(self) -> None:
        super().__init__('one_color', ['4', '8'])

    def pose(self, frame_id):
        return np.eye(4)

    def read(self, frame_id):
        from ssc_ros.geometry.cameras import PinholeCamera
        camera = PinholeCamera(5, 5, 2, 2, 4, 6)
        hue = class_hues(load_label_space('matterport11'))[int(frame_id)]
        rgb = np.broadcast_to(np.array(class_color(hue, 0.8, 0.8)) * 255, (4, 6, 3))
        return ScanFrame(frame_id, np.ones((4, 6), np.float32), rgb.astype(np.uint8), camera,
                         camera, np.eye(4))


def test_pseudo_labels_are_made_once_and_read_back(tmp_path):
    scan, segmenter = OneColor(), ColorSegmenter('matterport11')
    assert label_scan(scan, segmenter, tmp_path) == 2
    assert label_scan(scan, segmenter, tmp_path) == 0
    for frame_id in scan.frame_ids:
        assert (read_pseudo_labels(tmp_path, frame_id) == int(frame_id)).all()
    assert (read_pseudo_labels(tmp_path, '4', minimum=1.01) == 255).all()
    (tmp_path / 'pseudo' / '8_conf.png').unlink()
    assert label_scan(scan, segmenter, tmp_path) == 1
    with pytest.raises(DataError):
        read_pseudo_labels(tmp_path, '5')
