from __future__ import annotations

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.placement import PLACEMENT_RULES
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.models.occdepth.inputs import depth_bins_of
from ssc_ros.models.occdepth.presets import PRESETS, load_preset


@pytest.mark.parametrize('name', PRESETS)
def test_presets_agree_with_their_label_space_and_placement(name):
    config = load_preset(name)
    assert config.num_classes == len(load_label_space(config.label_space))
    grid = PLACEMENT_RULES[config.placement](level_camera_pose(height_m=1.4)).grid
    assert (grid.shape, grid.voxel_size_m, grid.axis_order) == (
        config.grid_shape, config.voxel_size_m, config.axis_order)
    assert depth_bins_of(config).count == config.num_depth_bins


@pytest.mark.parametrize(('name', 'expected'), [
    ('k7', ('efficientnet-b7', 64, 2, True, True, True, False)),
    ('k7-flosp', ('efficientnet-b7', 64, 2, False, True, True, False)),
    ('k3', ('efficientnet-b3', 32, 2, True, True, True, True)),
    ('k-mono', ('efficientnet-b3', 24, 1, True, False, False, True)),
    ('n4', ('efficientnet-b4', 100, 1, False, False, False, True)),
    ('n7', ('efficientnet-b7', 200, 1, False, True, False, True)),
])
def test_published_configurations_are_as_published(name, expected):
    config = load_preset(name)
    assert (
        config.encoder, config.feature_channels, config.views, config.depth_prior,
        config.context_prior, config.cascade_head, config.share_2d_backbone_gradient) == expected


def test_unknown_presets_list_the_known_ones():
    with pytest.raises(ConfigurationError, match='choose one of k7, '):
        load_preset('k9')
