from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.presets import PRESETS, load_preset


@pytest.mark.parametrize('name', PRESETS)
def test_configurations_survive_json(name):
    config = load_preset(name)
    assert AmmnetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(('changes', 'message'), [
    ({'encoder': 'vgg'}, 'encoder is .vgg.: choose one of segformer-b2'),
    ({'fusion': 'gate'}, 'choose one of modulation'),
    ({'fusion_sites': (2, 1)}, 'in this order'),
    ({'fusion_sites': (1, 4)}, 'list some of 1, 2, 3'),
    ({'modulation_forward': 'addition', 'modulation_gradient': 'addition'}, "set fusion 'add'"),
    ({'trunk_stride': 4}, 'choose 1 or 2'),
    ({'feature_channels': 20}, 'multiple of 8'),
    ({'grid_shape': (60, 34, 60)}, 'divisible by 4'),
    ({'grid_shape': (60, 36, 56)}, 'augmentation_swap to false'),
])
def test_impossible_values_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(load_preset('ammnet'), **changes)


def test_unknown_and_missing_keys_are_named():
    with pytest.raises(ConfigurationError, match=r"unknown AMMNet .* keys: \['colour'\]"):
        AmmnetConfig.from_dict({'name': 'x', 'colour': 'red'})
    with pytest.raises(ConfigurationError, match='incomplete'):
        AmmnetConfig.from_dict({})


def test_unknown_presets_list_the_known_ones():
    with pytest.raises(ConfigurationError, match='choose one of ammnet, baseline'):
        load_preset('b7')


@pytest.mark.parametrize(('name', 'expected'), [
    ('ammnet', ('segformer-b2', 'modulation', (1, 2, 3))),
    ('baseline', ('segformer-b2', 'modulation', ())),
    ('m1', ('segformer-b2', 'modulation', (1,))),
    ('m1-m2', ('segformer-b2', 'modulation', (1, 2))),
    ('resnet50', ('resnet50', 'modulation', (1, 2, 3))),
    ('labels', ('labels', 'modulation', (1, 2, 3))),
    ('add', ('segformer-b2', 'add', (1, 2, 3))),
    ('highway', ('segformer-b2', 'highway', (1, 2, 3))),
])
def test_published_configurations_are_as_published(name, expected):
    config = load_preset(name)
    assert (config.encoder, config.fusion, config.fusion_sites) == expected
    assert (config.feature_channels, config.num_classes, config.grid_shape) == (
        256, 12, (60, 36, 60))
