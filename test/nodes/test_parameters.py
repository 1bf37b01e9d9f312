from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import yaml

from ssc_ros.errors import ConfigurationError
from ssc_ros.nodes.parameters import (
    build_parameters,
    parameter,
    parameter_reference,
    to_yaml,
)
from ssc_ros.nodes.settings import RgbdParameters, StereoParameters


@dataclass(frozen=True, slots=True)
class Lens:
    zoom: float = parameter(2.0, 'magnification', unit='x', minimum=1.0, maximum=8.0, live=True)
    filter: str = parameter('none', 'glass', choices=('none', "photographer's red"))


@dataclass(frozen=True, slots=True)
class Camera:
    shots: int = parameter(3, 'pictures', minimum=0)
    flash: bool = parameter(False, 'use it')
    tags: tuple[str, ...] = parameter(('a', 'b'), 'words')
    lens: Lens = field(default_factory=Lens)

    def __post_init__(self) -> None:
        if self.flash and self.lens.zoom > 4:
            raise ConfigurationError('flash does not reach that far')


def test_the_reference_lists_every_parameter_with_dotted_names():
    entries = {entry.name: entry for entry in parameter_reference(Camera)}
    assert list(entries) == ['shots', 'flash', 'tags', 'lens.zoom', 'lens.filter']
    assert [entry.type_name for entry in entries.values()] == [
        'integer', 'bool', 'string_array', 'double', 'string']
    assert entries['lens.zoom'].live and not entries['shots'].live
    assert entries['lens.zoom'].constraint == '1 to 8'
    assert entries['shots'].constraint == '0 to inf'


def test_values_by_name_build_the_dataclass_and_absent_ones_keep_their_default():
    camera = build_parameters(Camera, {'lens.zoom': 3.0, 'tags': ['c']})
    assert camera == replace(Camera(), lens=Lens(zoom=3.0), tags=('c',))


@pytest.mark.parametrize(('values', 'reason'), [
    ({'lens.zoom': 9.0}, 'outside its range 1 to 8'),
    ({'lens.zoom': float('nan')}, 'outside its range'),
    ({'shots': -1}, 'outside its range'),
    ({'lens.filter': 'blue'}, 'expected one of: none'),
    ({'len.zoom': 2.0}, 'unknown'),
    ({'flash': True, 'lens.zoom': 5.0}, 'flash does not reach'),
])
def test_impossible_values_are_refused_with_the_name_and_the_rule(values, reason):
    with pytest.raises(ConfigurationError, match=reason):
        build_parameters(Camera, values)


@pytest.mark.parametrize(('read', 'state', 'remedy'), [
    ('live', 'active', ''), ('activation', 'active', 'deactivate the node'),
    ('activation', 'inactive', ''), ('configuration', 'inactive', 'clean up the node'),
    ('configuration', 'unconfigured', ''), ('start', 'unconfigured', 'start it with'),
])
def test_a_parameter_changes_until_it_is_read_and_then_says_what_to_do(read, state, remedy):
    @dataclass(frozen=True, slots=True)
    class Single:
        value: float = parameter(1.0, 'number', read=read)

    entry, = parameter_reference(Single)
    reason = entry.frozen_reason(state)
    assert bool(reason) == bool(remedy) and remedy in reason
    assert entry.live == (read == 'live')


def test_a_field_that_is_no_parameter_is_a_mistake_of_ours():
    @dataclass(frozen=True)
    class Plain:
        number: int = 3

    with pytest.raises(ConfigurationError, match='parameter'):
        parameter_reference(Plain)


@pytest.mark.parametrize('cls', [Camera, StereoParameters, RgbdParameters])
def test_the_yaml_holds_every_default_in_its_ros_type(cls):
    document = yaml.safe_load(to_yaml(cls, 'some_node'))['some_node']['ros__parameters']
    for entry in parameter_reference(cls):
        value = document
        for part in entry.name.split('.'):
            value = value[part]
        expected = list(entry.default) if isinstance(entry.default, tuple) else entry.default
        assert value == expected and type(value) is type(expected), entry.name


def test_the_yaml_explains_each_parameter():
    text = to_yaml(Camera, 'camera')
    assert '# magnification [x]. Can change at any time.' in text
    assert text.count('lens:') == 1


def test_every_shipped_default_is_valid_and_described():
    for cls in (StereoParameters, RgbdParameters):
        entries = parameter_reference(cls)
        assert all(entry.description and not entry.refusal(entry.default) for entry in entries)
        assert build_parameters(cls, {entry.name: entry.default for entry in entries}) == cls()
