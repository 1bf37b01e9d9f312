from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.presets import PRESETS, load_preset


@pytest.mark.parametrize('name', PRESETS)
def test_configurations_survive_json(name):
    config = load_preset(name)
    assert S4rConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize('config', PRESETS.values(), ids=lambda config: config.name)
def test_presets_count_the_classes_of_their_label_space(config):
    space = load_label_space(config.label_space)
    assert (config.num_classes, space.empty_id) == (len(space), None)


@pytest.mark.parametrize('prefix', ['', 'small-'])
def test_small_rows_differ_from_published_ones_in_size_alone(prefix):
    full, row = (load_preset(name) for name in (prefix[:-1] or 's4r', f'{prefix}color-blind'))
    assert replace(row, name=full.name, encoders=full.encoders, decoders=full.decoders) == full


def test_the_chunk_of_every_preset_measures_the_same_space():
    assert {tuple(round(length * config.voxel_size_m, 6) for length in config.chunk_shape)
            for config in PRESETS.values()} == {(2.56, 1.28, 1.28)}


@pytest.mark.parametrize(('changes', 'message'), [
    ({'encoders': ('color',)}, 'encoders'),
    ({'decoders': ()}, 'list some of geometry, color, semantics'),
    ({'decoders': ('semantics', 'geometry')}, 'in this order'),
    ({'decoders': ('geometry', 'depth')}, 'in this order'),
    ({'channels': (8,)}, 'at least two levels'),
    ({'channels': (8, 0)}, 'at least two levels'),
    ({'chunk_shape': (128, 64, 60)}, 'divisible by 16'),
    ({'voxel_size_m': 0.0}, 'must be positive'),
    ({'norm_order': 'none'}, 'choose one of norm_first'),
    ({'color_space': 'hsv'}, 'choose one of rgb, lab'),
])
def test_impossible_values_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(load_preset('s4r'), **changes)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match=r'unknown S4R configuration .huge.*color-blind'):
        load_preset('huge')
