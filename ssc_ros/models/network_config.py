"""What the configurations of all networks share: their checks, their files, their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from ssc_ros.errors import ConfigurationError

ConfigT = TypeVar('ConfigT', bound='NetworkConfig')


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """
    Base of the configurations of networks.

    Attributes:
        network_title: name of the network in messages.
        choices: the values that fields take, by field; for those that take only some.
        name: of the configuration, for reports.
        label_space: name of the label space.
    """

    network_title: ClassVar[str]
    choices: ClassVar[Mapping[str, tuple[Any, ...]]]

    name: str
    label_space: str

    def check_choices(self) -> None:
        """
        Compare the fields with :attr:`choices`.

        Raises:
            ConfigurationError: a value is not among them.
        """
        for field, choices in self.choices.items():
            if getattr(self, field) not in choices:
                raise ConfigurationError(
                    f'{field} is {getattr(self, field)!r}: choose one of '
                    f'{", ".join(map(str, choices))}')

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {key: list(value) if isinstance(value, tuple) else value
                for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
        """
        Read what :meth:`to_dict` wrote.

        Raises:
            ConfigurationError: a key is unknown or missing, or a value impossible.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ConfigurationError(f'unknown {cls.network_title} configuration keys: {unknown}')
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()}
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ConfigurationError(
                f'incomplete {cls.network_title} configuration: {error}') from error


def find_preset(presets: Mapping[str, ConfigT], name: str) -> ConfigT:
    """
    Return a published configuration by name.

    Raises:
        ConfigurationError: there is none of that name; lists those there are.
    """
    if name not in presets:
        title = next(iter(presets.values())).network_title
        raise ConfigurationError(
            f'unknown {title} configuration {name!r}: choose one of {", ".join(presets)}')
    return presets[name]
