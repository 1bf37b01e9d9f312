"""Bind a parameter dataclass to a node: declare, read, refuse or apply changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from ssc_ros.errors import ConfigurationError
from ssc_ros.nodes.compat import on_parameter_changes
from ssc_ros.nodes.parameters import (
    MOMENTS,
    ParameterEntry,
    build_parameters,
    parameter_reference,
)
from ssc_ros.paths import confined_path

ParametersT = TypeVar('ParametersT')
_LARGEST_INTEGER = 2**63 - 1


class NodeParameters(Generic[ParametersT]):
    """
    The parameters of one node; ``current`` is always a complete, valid dataclass.

    Args:
        state: tells the lifecycle state, by which parameters that are read once are refused.
        refusal: tells why the node cannot take values that are valid by themselves, empty = it
            can.
        on_change: called after a change was applied.

    Raises:
        ConfigurationError: a value given at start-up has the wrong type or is out of range.
    """

    def __init__(
        self, node: Node, cls: type[ParametersT], *, state: Callable[[], str],
        refusal: Callable[[ParametersT], str], on_change: Callable[[], None],
    ) -> None:
        self._node = node
        self._cls = cls
        self._entries = {entry.name: entry for entry in parameter_reference(cls)}
        self._state = state
        self._node_refusal = refusal
        self._on_change = on_change
        for entry in self._entries.values():
            node.declare_parameter(entry.name, entry.default, describe_parameter(entry))
        # What the process was started with is trusted; what comes over the network is confined.
        self._paths_at_start = {
            name: node.get_parameter(name).value for name, entry in self._entries.items()
            if entry.path}
        self.current = self._with({})
        on_parameter_changes(node, self._refusal, self._apply)

    def _with(self, changes: dict[str, Any]) -> ParametersT:
        values = {name: self._node.get_parameter(name).value for name in self._entries}
        return build_parameters(self._cls, {
            name: self._confined(name, value, values.get('files_directory', ''))
            for name, value in {**values, **changes}.items()})

    def _confined(self, name: str, value: Any, directory: str) -> Any:
        kind = self._entries[name].path
        if not kind or not value or value == self._paths_at_start[name]:
            return value
        path = confined_path(directory, value)
        if kind == 'file' or path.exists():
            return str(path)
        if Path(value).exists():
            raise ConfigurationError(
                f'{name} = {value!r} is not inside {path.parent}: start the node with another '
                'files_directory')
        return value  # a shipped name, or unknown to everybody

    def _changes(self, parameters: Sequence[Parameter[Any]]) -> dict[str, Any]:
        return {item.name: item.value for item in parameters if item.name in self._entries}

    def _refusal(self, parameters: Sequence[Parameter[Any]]) -> str:
        changes = self._changes(parameters)
        for name in changes:
            reason = self._entries[name].frozen_reason(self._state())
            if reason:
                return reason
        try:
            return self._node_refusal(self._with(changes)) if changes else ''
        except ConfigurationError as error:
            return str(error)

    def _apply(self, parameters: Sequence[Parameter[Any]]) -> None:
        changes = self._changes(parameters)
        if changes:
            self.current = self._with(changes)
            self._on_change()


def describe_parameter(entry: ParameterEntry) -> ParameterDescriptor:
    """Return what ``ros2 param describe`` shows; ROS itself enforces the range."""
    # Not read_only, even where it is: rclpy would refuse it without saying what to do.
    constraints = [entry.constraint, MOMENTS[entry.read]]
    descriptor = ParameterDescriptor(
        name=entry.name, description=entry.text,
        additional_constraints='; '.join(filter(None, constraints)))
    if entry.minimum is None and entry.maximum is None:
        return descriptor
    if entry.type_name == 'integer':
        low = -_LARGEST_INTEGER if entry.minimum is None else int(entry.minimum)
        high = _LARGEST_INTEGER if entry.maximum is None else int(entry.maximum)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    else:
        low_value = float('-inf') if entry.minimum is None else float(entry.minimum)
        high_value = float('inf') if entry.maximum is None else float(entry.maximum)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=low_value, to_value=high_value, step=0.0)]
    return descriptor
