"""A configuration survives JSON and refuses what cannot be built."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.presets import PRESETS, load_preset


@pytest.mark.parametrize('name', PRESETS)
def test_every_preset_survives_json(name):
    config = load_preset(name)
    assert config.name == name
    assert GadConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize('name', PRESETS)
def test_every_preset_has_the_classes_of_its_label_space_and_unlabelled(name):
    config = load_preset(name)
    assert config.num_classes == len(load_label_space(config.label_space).names) + 1


@pytest.mark.parametrize(('changes', 'message'), [
    ({'encoder': 'vgg'}, "encoder is 'vgg': choose one of torchvision, fcrn, lite0"),
    ({'gap_pool': 3}, 'gap_pool is 3'),
    ({'gap_window': 4}, 'needs an odd number'),
    ({'crop_size': (241, 320)}, 'larger than image_size'),
    ({'encoder_divisor': 3}, 'choose 1, 2, 4, 8 or 16'),
    ({'decoder_channels': ()}, 'a width for every block'),
    ({'has_depth': False}, 'without a depth decoder'),
    ({'has_depth': False, 'propagates_features': False}, "gap to 'none'"),
    ({'encoder': 'lite0'}, "spf_tap to 'last'"),
])
def test_impossible_values_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(load_preset('gad'), **changes)


def test_unknown_and_missing_keys_are_named():
    with pytest.raises(ConfigurationError, match=r"unknown GAD configuration keys: \['depth'\]"):
        GadConfig.from_dict({'name': 'x', 'depth': True})
    with pytest.raises(ConfigurationError, match='incomplete GAD configuration'):
        GadConfig.from_dict({})
    with pytest.raises(ConfigurationError, match='choose one of gad, semantic'):
        load_preset('nothing')


def test_the_network_sees_the_crop():
    assert load_preset('gad').network_size == (228, 304)
    assert load_preset('small').network_size == (240, 320)
