"""Files of a training run: checkpoints, logs and scores in one folder."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.models.registry import find_network
from ssc_ros.weights import find_bundle, load_state, read_bundle_config
from training.experiment import Experiment, parse_experiment

NetworkT = TypeVar('NetworkT', bound=nn.Module)

_STEP = re.compile(r'step-(\d+)\.ckpt$')


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the intact periodic checkpoint with the most steps, None where there is none."""
    found = [(int(match[1]), path) for path in folder.glob('step-*.ckpt')
             if (match := _STEP.search(path.name))]
    # A kill while saving leaves a file without the index at a zip's end, and the one before it.
    newest_first = (path for _, path in sorted(found, reverse=True))
    return next((path for path in newest_first if zipfile.is_zipfile(path)), None)


def read_checkpoint(path: Path) -> tuple[Experiment, dict[str, torch.Tensor], int]:
    """
    Read the experiment, the network's tensors and the number of steps from a checkpoint.

    Raises:
        DataError: no such file, or it was not written by `python -m training fit`.
    """
    if not path.is_file():
        raise DataError(
            f'checkpoint {path} does not exist: look for .ckpt files in the run folder')
    document: Mapping[str, Any] = torch.load(path, map_location='cpu', weights_only=True)
    if 'hyper_parameters' not in document or 'state_dict' not in document:
        raise DataError(f'{path} was not written by python -m training fit')
    prefix = 'network.'
    state = {name[len(prefix):]: tensor for name, tensor in document['state_dict'].items()
             if name.startswith(prefix)}
    experiment = parse_experiment(document['hyper_parameters']['experiment'])
    return experiment, state, int(document['global_step'])


def load_network(
    weights: Path, system: str, make: Callable[[Any], NetworkT],
) -> NetworkT:
    """
    Return the network of a checkpoint or a bundle.

    Args:
        weights: a .ckpt file, or the folder or name of a bundle.
        make: builds the network of a configuration.

    Raises:
        ConfigurationError: the weights are of another system.
    """
    if weights.suffix == '.ckpt':
        experiment, state, _ = read_checkpoint(weights)
        found, config = experiment.system, experiment.network
    else:
        folder = find_bundle(weights)
        document, state = read_bundle_config(folder), load_state(folder)
        found = document['model']
        config = find_network(system).read_config(document['config']) if found == system else None
    if found != system:
        raise ConfigurationError(
            f'{weights} holds a network of {found}, the experiment is of {system}')
    network = make(config)
    network.load_state_dict(state)
    return network


def refuse_other_network(
    experiment: Experiment, found: Mapping[str, Any], source: str,
) -> None:
    """
    Compare an experiment's network with the configuration that weights were trained with.

    Raises:
        ConfigurationError: they differ in more than their names.
    """
    expected = experiment.network.to_dict()
    differing = [
        f'{key}: {found.get(key)!r}, not {expected.get(key)!r}'
        for key in sorted((expected.keys() | found.keys()) - {'name'})
        if found.get(key) != expected.get(key)]
    if differing:
        raise ConfigurationError(
            f'{source} is of another configuration than experiment {experiment.name}: '
            f'{"; ".join(differing)}. Give the experiment.yaml of its own run, other weights, or '
            'begin anew with --restart')
