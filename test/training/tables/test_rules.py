"""Tests of the rules without learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from training.datasets.nyu import NyuSample
from training.tables.rules import RULES

SHAPE = (60, 36, 60)


@pytest.fixture
def sample() -> NyuSample:
    tsdf = np.full(SHAPE, -1, np.float32)
    tsdf[0] = 0
    pixels = np.full(SHAPE, 307200)
    pixels[0, 20, 5], pixels[0, 20, 50], pixels[0, 20, 30] = 10, 20, 30
    label_map = np.zeros((480, 640), np.uint8)
    label_map.ravel()[[10, 20]] = 1, 9  # bed and sofa; the third pixel is void
    return NyuSample(
        frame_id=1, rgb=None, tsdf=tsdf, label_weight=np.ones(SHAPE, bool),
        pixel_of_voxel=pixels.ravel(), labels=np.zeros(SHAPE, np.uint8), label_map13=label_map,
        label_map40=None, placement=None,
        camera=PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640))


def test_every_rule_labels_the_whole_grid(sample: NyuSample) -> None:
    for rule in RULES.values():
        labels = rule(sample)
        assert labels.shape == SHAPE and labels.dtype == np.uint8 and labels.max() < 12


def test_floor_lies_in_the_two_lowest_layers(sample: NyuSample) -> None:
    labels = RULES['floor-and-surface'](sample)
    assert (labels[:, :2] == 2).all()
    assert (labels[0, 2:] == 10).all() and not labels[1:, 2:].any()


def test_the_nearest_visible_voxel_with_a_label_decides(sample: NyuSample) -> None:
    labels = RULES['nearest-label'](sample)
    assert (labels[0, 20, 5], labels[0, 20, 50]) == (6, 7)
    assert (labels[0, 20, 26], labels[0, 20, 29]) == (6, 7)
    assert not labels[1:].any()


def test_the_rule_that_reads_label_maps_says_when_there_is_none(sample: NyuSample) -> None:
    with pytest.raises(DataError, match='frame 0001 has no 2D label map'):
        RULES['nearest-label'](replace(sample, label_map13=None))
