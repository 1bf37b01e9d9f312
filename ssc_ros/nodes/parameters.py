"""
Node parameters, declared once in a frozen dataclass.

A field made by ``parameter()`` is one ROS parameter; a field whose type is another such dataclass
is a group, joined by a dot (``sync.tolerance_ms``). Declaration on the node, validation, the YAML
in ``config/`` and the reference page all derive from these fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_origin, get_type_hints

from ssc_ros.errors import ConfigurationError

ParametersT = TypeVar('ParametersT')
ParameterValue = Any  # bool, int, float, str or a tuple of str

Moment = Literal['live', 'activation', 'configuration', 'start']
"""When a parameter is read: at every use, or when the node enters a state, or once."""

_MAY_CHANGE: Mapping[str, tuple[str, ...]] = {
    'live': ('unconfigured', 'inactive', 'active', 'finalized'),
    'activation': ('unconfigured', 'inactive'), 'configuration': ('unconfigured',), 'start': ()}
_REMEDIES: Mapping[str, str] = {
    'activation': 'is read when the node is activated: deactivate the node, set it, and '
                  'activate the node again',
    'configuration': 'is read when the node is configured: deactivate and clean up the node, set '
                     'it, then configure and activate the node again',
    'start': 'can only be given at start: end the node and start it with the new value'}
MOMENTS: Mapping[str, str] = {
    'live': 'can change at any time', 'activation': 'can change while the node is inactive',
    'configuration': 'can change while the node is unconfigured',
    'start': 'can only be given at start'}

_TYPE_NAMES: Mapping[Any, str] = {
    bool: 'bool', int: 'integer', float: 'double', str: 'string',
    tuple[str, ...]: 'string_array'}


@dataclass(frozen=True, slots=True)
class ParameterEntry:
    """
    One parameter as users see it.

    Attributes:
        read: when the node reads it, and so until when it may change.
        path: names a ``file``, or a ``name`` of something shipped or else a file; names that are
            set at run time cannot leave ``files_directory``.
        minimum, maximum: closed range of numbers, None = unbounded.
        choices: allowed values, empty = any.
    """

    name: str
    type_name: str
    default: ParameterValue
    description: str
    unit: str = ''
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read: Moment = 'configuration'
    path: Literal['', 'file', 'name'] = ''

    @property
    def live(self) -> bool:
        """Whether it may change while the node is active."""
        return self.read == 'live'

    def frozen_reason(self, state: str) -> str:
        """Return why it cannot change in a lifecycle state and what to do, empty = it can."""
        if state in _MAY_CHANGE[self.read]:
            return ''
        return f'{self.name} {_REMEDIES[self.read]} (the node is {state})'

    @property
    def constraint(self) -> str:
        """Range or choices in words, empty = none."""
        if self.choices:
            return 'one of: ' + ', '.join(self.choices)
        if self.minimum is None and self.maximum is None:
            return ''
        low = '-inf' if self.minimum is None else f'{self.minimum:g}'
        high = 'inf' if self.maximum is None else f'{self.maximum:g}'
        return f'{low} to {high}'

    @property
    def text(self) -> str:
        """Description with unit and constraint, in one sentence."""
        parts = [self.description]
        if self.unit:
            parts.append(f'[{self.unit}]')
        if self.choices:
            parts.append(f'({self.constraint})')
        return ' '.join(parts)

    def refusal(self, value: ParameterValue) -> str:
        """Return why ``value`` cannot be taken, empty = it can."""
        if self.choices and value not in self.choices:
            return f'{self.name} = {value!r} is not allowed, expected {self.constraint}'
        if self.type_name in ('integer', 'double'):
            low = float('-inf') if self.minimum is None else self.minimum
            high = float('inf') if self.maximum is None else self.maximum
            if not low <= value <= high:  # also refuses NaN
                limits = self.constraint or 'of finite numbers'
                return f'{self.name} = {value} is outside its range {limits}'
        return ''


def parameter(
    default: ParameterValue, description: str, *, unit: str = '',
    minimum: float | None = None, maximum: float | None = None,
    choices: Sequence[str] = (), live: bool = False, read: Moment = 'configuration',
    path: Literal['', 'file', 'name'] = '',
) -> Any:
    """Return the field of one parameter; see ParameterEntry for all but ``live`` = read live."""
    metadata = {'description': description, 'unit': unit, 'minimum': minimum, 'maximum': maximum,
                'choices': tuple(choices), 'read': 'live' if live else read, 'path': path}
    return field(default=default, metadata={'parameter': metadata})


def require_below(group: str, values: Any, low: str, high: str) -> None:
    """
    Check that one parameter of a group is smaller than another.

    Raises:
        ConfigurationError: it is not.
    """
    if getattr(values, low) >= getattr(values, high):
        raise ConfigurationError(
            f'{group}.{low} = {getattr(values, low)} must lie below {group}.{high} = '
            f'{getattr(values, high)}')


def parameter_reference(cls: type[Any]) -> list[ParameterEntry]:
    """Return all parameters of a node's dataclass in the order of its fields."""
    return list(_entries(cls, '', cls()))


def _entries(cls: type[Any], prefix: str, defaults: Any) -> Iterator[ParameterEntry]:
    hints = get_type_hints(cls)
    for entry in fields(cls):
        name, default = prefix + entry.name, getattr(defaults, entry.name)
        if is_dataclass(hints[entry.name]):
            yield from _entries(hints[entry.name], f'{name}.', default)
        else:
            yield ParameterEntry(
                name, _type_name(hints[entry.name], name), default, **_metadata(entry, name))


def _metadata(entry: Field[Any], name: str) -> Mapping[str, Any]:
    if 'parameter' not in entry.metadata or entry.default is MISSING:
        raise ConfigurationError(f'field {name} must be made by parameter()')
    metadata: Mapping[str, Any] = entry.metadata['parameter']
    return metadata


def _type_name(hint: Any, name: str) -> str:
    if get_origin(hint) is Literal:
        return 'string'
    if hint not in _TYPE_NAMES:
        raise ConfigurationError(
            f'parameter {name} is a {hint}, expected one of bool, int, float, str, '
            'Literal, tuple[str, ...]')
    return _TYPE_NAMES[hint]


def build_parameters(cls: type[ParametersT], values: Mapping[str, ParameterValue]) -> ParametersT:
    """
    Build a node's dataclass from values by dotted name; what is absent keeps its default.

    Raises:
        ConfigurationError: a value is out of range or not a choice, or a name is unknown.
    """
    entries = {entry.name: entry for entry in parameter_reference(cls)}
    for name, value in values.items():
        if name not in entries:
            raise ConfigurationError(
                f'parameter {name!r} is unknown; known: {", ".join(sorted(entries))}')
        reason = entries[name].refusal(value)
        if reason:
            raise ConfigurationError(reason)
    complete = {name: values.get(name, entry.default) for name, entry in entries.items()}
    result: ParametersT = _build(cls, '', complete)
    return result


def _build(cls: type[Any], prefix: str, values: Mapping[str, ParameterValue]) -> Any:
    hints = get_type_hints(cls)
    arguments = {}
    for entry in fields(cls):
        name = prefix + entry.name
        is_group = is_dataclass(hints[entry.name])
        arguments[entry.name] = (
            _build(hints[entry.name], f'{name}.', values) if is_group
            else _hashable(values[name]))
    return cls(**arguments)


def _hashable(value: ParameterValue) -> ParameterValue:
    return tuple(value) if isinstance(value, (list, tuple)) else value


def to_yaml(cls: type[Any], node_name: str) -> str:
    """
    Return a parameter file with every default and its description as a comment.

    Doubles keep their decimal point: ROS refuses an integer for a double parameter.
    """
    lines = [f'{node_name}:', '  ros__parameters:']
    open_groups: list[str] = []
    for entry in parameter_reference(cls):
        *groups, leaf = entry.name.split('.')
        for depth, name in enumerate(groups):
            if groups[:depth + 1] != open_groups[:depth + 1]:
                lines.append(f'{_indent(depth)}{name}:')
        open_groups = groups
        moment = MOMENTS[entry.read]
        lines.append(f'{_indent(len(groups))}# {entry.text}. {moment.capitalize()}.')
        lines.append(f'{_indent(len(groups))}{leaf}: {_yaml_value(entry.default)}')
    return '\n'.join(lines) + '\n'


def _indent(depth: int) -> str:
    return '  ' * (depth + 2)


def _yaml_value(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, tuple):
        return '[' + ', '.join(_yaml_value(item) for item in value) + ']'
    return repr(value)
