"""Experiments: one YAML file holds everything that a training run depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import yaml

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet import presets as ammnet_presets
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.gad import presets as gad_presets
from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.imenet import presets as imenet_presets
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.occdepth import presets as occdepth_presets
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.s4r import presets as s4r_presets
from ssc_ros.models.s4r.config import S4rConfig
from training.options import (
    AmmnetData,
    AmmnetLosses,
    AmmnetOptimization,
    AmmnetRun,
    DataOptions,
    GadData,
    GadLosses,
    GadOptimization,
    GadRun,
    ImenetData,
    ImenetLosses,
    ImenetOptimization,
    ImenetRun,
    LossOptions,
    OptimizationOptions,
    RunOptions,
    S4rData,
    S4rLosses,
    S4rOptimization,
    S4rRun,
)

Options = TypeVar('Options')
NetworkConfig = AmmnetConfig | GadConfig | ImenetConfig | OccDepthConfig | S4rConfig


class Sections(NamedTuple):
    """What the sections of one system's experiments are read into."""

    network: type[NetworkConfig]
    preset: Callable[[str], NetworkConfig]
    data: type
    losses: type
    optimization: type
    run: type


SYSTEMS: Mapping[str, Sections] = {
    'occdepth': Sections(
        OccDepthConfig, occdepth_presets.load_preset, DataOptions, LossOptions,
        OptimizationOptions, RunOptions),
    'ammnet': Sections(
        AmmnetConfig, ammnet_presets.load_preset, AmmnetData, AmmnetLosses, AmmnetOptimization,
        AmmnetRun),
    'gad': Sections(
        GadConfig, gad_presets.load_preset, GadData, GadLosses, GadOptimization, GadRun),
    'imenet': Sections(
        ImenetConfig, imenet_presets.load_preset, ImenetData, ImenetLosses, ImenetOptimization,
        ImenetRun),
    's4r': Sections(
        S4rConfig, s4r_presets.load_preset, S4rData, S4rLosses, S4rOptimization, S4rRun),
}
DEFAULT_SYSTEM = 'occdepth'  # of experiments written before there was a choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """
    A training run.

    Attributes:
        system: which network is trained and how: a key of :data:`SYSTEMS`, which also says of
            which kind the sections are.
        reproduces: id of the row in `training/tables` that it measures, or None.
    """

    name: str
    network: Any
    system: str = DEFAULT_SYSTEM
    reproduces: str | None = None
    data: Any = field(default_factory=DataOptions)
    losses: Any = field(default_factory=LossOptions)
    optimization: Any = field(default_factory=OptimizationOptions)
    run: Any = field(default_factory=RunOptions)

    @property
    def folder(self) -> Path:
        """Where checkpoints, logs and scores of the run lie."""
        return Path(self.run.folder) / self.name

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as YAML and JSON take them."""
        return {**asdict(self), 'network': self.network.to_dict()}


def load_experiment(path: Path | str, overrides: Sequence[str] = ()) -> Experiment:
    """
    Read an experiment.

    Args:
        path: the YAML file; `extends: other.yaml` in it takes all that it does not say itself.
        overrides: `section.key=value`, the value in YAML.

    Raises:
        ConfigurationError: no such file, an unknown key or an impossible value.
    """
    document = _read(Path(path))
    for override in overrides:
        _apply(document, override)
    return parse_experiment(document)


def parse_experiment(document: Mapping[str, Any]) -> Experiment:
    """Build an experiment from nested mappings as they stand in YAML."""
    values = dict(document)
    sections = _sections(values.setdefault('system', DEFAULT_SYSTEM))
    values['network'] = _network(values['network'], sections)
    for name in ('data', 'losses', 'optimization', 'run'):
        values[name] = _options(getattr(sections, name), values.get(name) or {}, name)
    return _options(Experiment, values, 'experiment')


def _sections(system: Any) -> Sections:
    if system not in SYSTEMS:
        raise ConfigurationError(f'unknown system {system!r}: choose from {sorted(SYSTEMS)}')
    return SYSTEMS[system]


def _read(source: Path) -> dict[str, Any]:
    """Read a YAML file on top of the one it extends, by default under its own name."""
    if not source.is_file():
        raise ConfigurationError(f'experiment {source} does not exist: give the path of its YAML')
    document = yaml.safe_load(source.read_text(encoding='utf-8'))
    if not isinstance(document, dict) or not document.keys() & {'network', 'extends'}:
        raise ConfigurationError(f'{source} is no experiment: it needs a network section')
    document.setdefault('name', source.stem)
    base = document.pop('extends', None)
    return _merged(_read(source.parent / base), document) if base else document


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**base, **{
        key: _merged(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in changes.items()}}


def _apply(document: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition('=')
    if not separator:
        raise ConfigurationError(f'override {override!r} must read section.key=value')
    *sections, last = key.split('.')
    target = document
    for section in sections:
        target = target.setdefault(section, {})
    target[last] = yaml.safe_load(value)


def _network(section: Mapping[str, Any], sections: Sections) -> NetworkConfig:
    values = dict(section)
    preset = values.pop('preset', None)
    base = sections.preset(preset).to_dict() if preset else {}
    return sections.network.from_dict({**base, **values})


def _options(options: type[Options], values: Mapping[str, Any], where: str) -> Options:
    known = {entry.name: entry for entry in fields(options)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigurationError(
            f'unknown keys {unknown} in {where}: choose from {sorted(known)}')
    for key, hint in get_type_hints(options).items():
        if get_origin(hint) is Literal and values.get(key, hint) not in (hint, *get_args(hint)):
            raise ConfigurationError(
                f'{where}.{key} is {values[key]!r}: choose from {list(get_args(hint))}')
    try:
        return options(**{key: _coerced(value, known[key].default)
                          for key, value in values.items()})
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f'{where}: {error}') from error


def _coerced(value: Any, default: Any) -> Any:
    """Give a YAML value the type of its default: YAML reads 1e-4 as text and knows no tuples."""
    if isinstance(default, float) and isinstance(value, int | str):
        return float(value)
    return tuple(value) if isinstance(value, list) else value
