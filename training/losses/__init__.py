"""Losses of semantic scene completion."""

from __future__ import annotations

from training.losses.adversarial import (
    erase,
    erased_mask,
    judged,
    one_hot_volume,
    shuffle,
    visible_truth,
)
from training.losses.completion import (
    class_cross_entropy,
    occupancy_cross_entropy,
    scene_class_affinities,
)
from training.losses.depth import block_minimum, depth_cross_entropy
from training.losses.frustum import frustum_cells, frustum_proportion
from training.losses.relation import downsample_labels, relation_cross_entropy, relation_matrix
from training.losses.smooth import masked_labels, pixel_labels, smooth_cross_entropy

__all__ = [
    'block_minimum',
    'class_cross_entropy',
    'depth_cross_entropy',
    'downsample_labels',
    'erase',
    'erased_mask',
    'frustum_cells',
    'frustum_proportion',
    'judged',
    'masked_labels',
    'occupancy_cross_entropy',
    'one_hot_volume',
    'pixel_labels',
    'relation_cross_entropy',
    'relation_matrix',
    'scene_class_affinities',
    'shuffle',
    'smooth_cross_entropy',
    'visible_truth',
]
