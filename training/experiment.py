"""Experiments: one YAML file holds everything that a training run depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.presets import load_preset

Options = TypeVar('Options')


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """
    What is learned from.

    Attributes:
        root: folder of the data set with one sub-folder per split.
        train_samples, val_samples: use the first so many; None takes all.
        batch_size: per device.
        workers: loader processes; 0 loads in the training process.
        color_jitter: strength of brightness, contrast and saturation changes.
        shared_jitter: change both eyes alike; the official code draws for each on its own.
        strong_augmentation: also blur, gray and erase; part of the paper's best recipe.
        flip_probability: share of samples whose images are mirrored.
    """

    reader: Literal['rooms'] = 'rooms'
    root: str = 'data/rooms'
    train_samples: int | None = None
    val_samples: int | None = None
    batch_size: int = 1
    workers: int = 0
    color_jitter: float = 0.4
    shared_jitter: bool = True
    strong_augmentation: bool = False
    flip_probability: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOptions:
    """
    Weights of the loss terms, published values; a term without its head or data is left out.

    Attributes:
        class_weights: of the cross-entropy; None takes those of the label space.
        occupancy_weights: (empty, occupied); None takes the published ones of the label space.
        semantic_floor: let the semantic affinity fade linearly to this share; None keeps it.
    """

    class_: float = 1.0
    occupancy: float = 1.0
    geometric: float = 1.0
    semantic: float = 1.0
    frustum: float = 1.0
    relation: float = 1.0
    depth: float = 1.0
    class_weights: tuple[float, ...] | None = None
    occupancy_weights: tuple[float, float] | None = None
    semantic_floor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationOptions:
    """
    How the weights are found; the defaults are the published recipe (total batch 4).

    Attributes:
        epochs, steps: length of the run; steps win where both are given.
        schedule: of the learning rate over the share of steps done: `multistep` multiplies it by
            `decay` at each milestone, `cosine` lets it fall to `final_share`.
        warmup: share of the steps during which the learning rate rises from 0.
        precision: of Lightning, e.g. `32-true`, `bf16-mixed`.
        channels_last: memory layout that convolutions in half precision like best.
        accumulate_batches: batches per optimizer step.
        average_decay: validate and ship an exponential moving average of the weights.
    """

    epochs: int = 30
    steps: int | None = None
    learning_rate: float = 2e-4
    weight_decay: float = 1e-4
    schedule: Literal['multistep', 'cosine', 'constant'] = 'multistep'
    milestones: tuple[float, ...] = (18 / 30, 24 / 30)
    decay: float = 0.4
    final_share: float = 0.0
    warmup: float = 0.0
    gradient_clip: float = 35.0
    precision: str = '32-true'
    channels_last: bool = False
    accumulate_batches: int = 1
    average_decay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """
    Where and how long it runs.

    Attributes:
        folder: the run keeps its files in `folder/name`.
        max_time: stop after DD:HH:MM:SS, counted over resumed runs.
        validations: number of validations, evenly spread, the last one at the end.
        checkpoint_every_steps: how much work a kill may cost.
        threads: of torch; None leaves its choice.
    """

    folder: str = 'runs'
    seed: int = 42
    max_time: str | None = None
    validations: int = 10
    checkpoint_every_steps: int = 200
    log_every_steps: int = 10
    threads: int | None = None
    devices: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """
    A training run.

    Attributes:
        reproduces: id of the row in `training/tables` that it measures, or None.
    """

    name: str
    network: OccDepthConfig
    reproduces: str | None = None
    data: DataOptions = field(default_factory=DataOptions)
    losses: LossOptions = field(default_factory=LossOptions)
    optimization: OptimizationOptions = field(default_factory=OptimizationOptions)
    run: RunOptions = field(default_factory=RunOptions)

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
    sections = {'data': DataOptions, 'losses': LossOptions, 'optimization': OptimizationOptions,
                'run': RunOptions}
    values = dict(document)
    values['network'] = _network(values['network'])
    for name, options in sections.items():
        values[name] = _options(options, values.get(name) or {}, name)
    return _options(Experiment, values, 'experiment')


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


def _network(section: Mapping[str, Any]) -> OccDepthConfig:
    values = dict(section)
    preset = values.pop('preset', None)
    base = load_preset(preset).to_dict() if preset else {}
    return OccDepthConfig.from_dict({**base, **values})


def _options(options: type[Options], values: Mapping[str, Any], where: str) -> Options:
    known = {entry.name: entry for entry in fields(options)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigurationError(
            f'unknown keys {unknown} in {where}: choose from {sorted(known)}')
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
