"""Losses of semantic scene completion."""

from __future__ import annotations

from training.losses.completion import (
    class_cross_entropy,
    occupancy_cross_entropy,
    scene_class_affinities,
)
from training.losses.depth import block_minimum, depth_cross_entropy
from training.losses.frustum import frustum_cells, frustum_proportion
from training.losses.relation import downsample_labels, relation_cross_entropy, relation_matrix

__all__ = [
    'block_minimum',
    'class_cross_entropy',
    'depth_cross_entropy',
    'downsample_labels',
    'frustum_cells',
    'frustum_proportion',
    'occupancy_cross_entropy',
    'relation_cross_entropy',
    'relation_matrix',
    'scene_class_affinities',
]
