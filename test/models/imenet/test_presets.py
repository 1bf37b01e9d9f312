"""The presets are the rows of the paper's tables."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.presets import PRESETS, load_preset


def differences(first: ImenetConfig, second: ImenetConfig) -> set[str]:
    return {field.name for field in fields(first)
            if getattr(first, field.name) != getattr(second, field.name)} - {'name'}


def test_the_two_readings_differ_in_what_is_open_alone() -> None:
    assert differences(load_preset('paper'), load_preset('robust')) == {
        'dcp_input', 'attn_mode', 'attn_scale', 'attn_gamma', 'proj_lookup'}


@pytest.mark.parametrize('prefix', ['', 'robust-', 'small-', 'small-labels-'])
def test_the_rows_of_table_3_differ_in_loop_and_modules(prefix: str) -> None:
    rows = [load_preset(f'{prefix}{row}') for row in 'abcde']
    assert [(row.iterations, row.has_dcp2d, row.has_dda) for row in rows] == [
        (0, False, False), (3, False, False), (3, True, False), (3, False, True), (3, True, True)]
    for row in rows:
        assert differences(row, rows[-1]) <= {'iterations', 'has_dcp2d', 'has_dda'}


def test_the_published_network_is_model_e() -> None:
    assert not differences(load_preset('paper'), load_preset('e'))
    assert not differences(load_preset('robust'), load_preset('robust-e'))


def test_upper_bounds_have_one_network_and_iterate_once() -> None:
    pixels, voxels = load_preset('2dgt'), load_preset('3dgt')
    assert (pixels.image_network, pixels.voxel_network, pixels.iterations) == ('none', 'sketch', 1)
    assert (voxels.image_network, voxels.voxel_network, voxels.iterations) == (
        'seg2dnet', 'none', 1)


# The rows of the other reading are built of the same parts.
@pytest.mark.parametrize(
    'config', [config for name, config in PRESETS.items() if not name.startswith('robust-')],
    ids=lambda config: config.name)
def test_every_preset_can_be_built(config: ImenetConfig) -> None:
    with torch.device('meta'):
        network = ImenetNetwork(config)
    assert (network.image is None) == (config.image_network == 'none')
    assert (network.voxel is None) == (config.voxel_network == 'none')
    assert (network.refine2d is None) != config.has_dcp2d
    assert (network.refine3d is None) != config.has_dda


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='choose one of paper'):
        load_preset('large')
