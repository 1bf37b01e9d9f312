from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.presets import PRESETS, load_preset


@pytest.mark.parametrize('name', PRESETS)
def test_every_preset_survives_json(name):
    config = load_preset(name)
    assert OccDepthConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(('changes', 'message'), [
    ({'fusion': 'sum'}, "fusion is 'sum': choose one of sfa, mean, concat"),
    ({'encoder': 'resnet'}, 'encoder is'),
    ({'views': 3}, '3 views'),
    ({'virtual_baseline_m': 0.1}, '2 views with virtual baseline'),
    ({'feature_channels': 10}, 'multiple of 4'),
    ({'project_scale': 2}, 'needs final_upsampling'),
    ({'grid_shape': (60, 36, 62)}, 'divisible'),
])
def test_impossible_values_are_refused_with_the_choices(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(load_preset('small'), **changes)


def test_unknown_and_missing_keys_are_named():
    document = load_preset('small').to_dict()
    with pytest.raises(ConfigurationError, match='dropout'):
        OccDepthConfig.from_dict({**document, 'dropout': 0.1})
    del document['encoder']
    with pytest.raises(ConfigurationError, match='encoder'):
        OccDepthConfig.from_dict(document)


def test_official_behaviour_differs_in_what_the_paper_does_not_say():
    config = load_preset('k3').with_official_behaviour()
    assert config.sfa_single_view_scale == 0.5
    assert config.half_pixel_shift
    assert config.depth_target_bins == 'uniform'
