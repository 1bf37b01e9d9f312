"""Losses of semantic scene completion and segmentation."""

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
from training.losses.gad import (
    GadLossConfig,
    GadLosses,
    berhu,
    depth_berhu,
    focal_cross_entropy,
    gad_losses,
)
from training.losses.relation import downsample_labels, relation_cross_entropy, relation_matrix
from training.losses.smooth import masked_labels, pixel_labels, smooth_cross_entropy

__all__ = [
    'GadLossConfig',
    'GadLosses',
    'berhu',
    'block_minimum',
    'class_cross_entropy',
    'depth_berhu',
    'depth_cross_entropy',
    'downsample_labels',
    'erase',
    'erased_mask',
    'focal_cross_entropy',
    'frustum_cells',
    'frustum_proportion',
    'gad_losses',
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
