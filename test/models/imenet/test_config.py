"""Configurations refuse what cannot be built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.presets import PRESETS

PAPER = ImenetConfig(name='paper')


@pytest.mark.parametrize(('changes', 'message'), [
    ({'attn_mode': 'row'}, 'attn_mode'),
    ({'iterations': 7}, 'iterations is 7'),
    ({'work_size': (240, 320)}, 'divisible by 32'),
    ({'grid_shape': (60, 36, 62)}, 'divisible by 4'),
    ({'voxel_channels': 60}, 'multiple of 8'),
    ({'sketch_samples': 0}, 'at least 1'),
    ({'tsdf_subdivision': 1}, 'set tsdf_subdivision to 4'),
    ({'voxel_network': 'sketch'}, 'set tsdf_subdivision to 1'),
    ({'image_network': 'none'}, 'set has_dcp2d to false'),
    ({'voxel_network': 'none'}, 'set has_dda to false'),
    ({'image_network': 'none', 'voxel_network': 'none', 'has_dcp2d': False, 'has_dda': False},
     'neither an image nor a voxel network')])
def test_what_cannot_be_built_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        replace(PAPER, **changes)


@pytest.mark.parametrize('config', PRESETS.values(), ids=lambda config: config.name)
def test_a_configuration_survives_its_file(config: ImenetConfig) -> None:
    assert ImenetConfig.from_dict(config.to_dict()) == config


def test_the_resolution_of_the_tsdf_is_that_of_the_voxel_network() -> None:
    assert PAPER.tsdf_shape == (240, 144, 240)
    assert PRESETS['s1'].tsdf_shape == (60, 36, 60)


def test_a_ray_is_searched_as_far_as_told() -> None:
    assert PAPER.ray_steps == 1
    assert replace(PAPER, proj_lookup='march').ray_steps == 9
    assert replace(PAPER, proj_lookup='march', proj_march_m=0.08).ray_steps == 5
