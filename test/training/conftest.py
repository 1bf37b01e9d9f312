"""Tiny rooms and a tiny network, so that whole training runs fit into seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.datasets.nyu.fixture import write_fixture
from training.datasets.synthetic import generate
from training.experiment import Experiment, parse_experiment

TINY_NETWORK = {
    'preset': 'small', 'image_size': [64, 96], 'feature_channels': 8,
    'decoder_widths': [16, 16, 8, 8, 8], 'num_depth_bins': 8, 'depth_channels': 8,
}

TINY_AMMNET = {
    'preset': 'small-labels', 'feature_channels': 8, 'detail_channels': 4,
}

TINY_GAD = {
    'preset': 'gad', 'image_size': [60, 80], 'crop_size': [48, 64], 'encoder_divisor': 16,
    'neck_channels': 16, 'decoder_channels': [16, 8, 8, 8], 'gap': 'local', 'gap_channels': 4,
}


@pytest.fixture(scope='session')
def tiny_rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 96x64 pixel rooms: 3 to train on, 1 to validate, 2 to test."""
    root = tmp_path_factory.mktemp('rooms')
    for split, count in (('train', 3), ('val', 1), ('test', 2)):
        generate(root, split, count, size=(64, 96))
    return root


@pytest.fixture(scope='session')
def make_experiment(tiny_rooms: Path) -> Callable[..., Experiment]:
    """Return a maker of experiments that run in a folder; sections given are merged in."""
    def make(folder: Path, **sections: dict[str, Any]) -> Experiment:
        document: dict[str, Any] = {
            'name': 'tiny',
            'network': dict(TINY_NETWORK),
            'data': {'root': str(tiny_rooms)},
            'optimization': {'steps': 6, 'learning_rate': 1e-3},
            'run': {'folder': str(folder), 'validations': 1, 'log_every_steps': 1,
                    'checkpoint_every_steps': 3},
        }
        for name, section in sections.items():
            document[name] = {**document.get(name, {}), **section}
        return parse_experiment(document)
    return make


@pytest.fixture(scope='session')
def tiny_nyu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package of five made-up frames: 3 to train on, 2 to test."""
    root = tmp_path_factory.mktemp('nyu')
    write_fixture(root)
    return root


@pytest.fixture(scope='session')
def make_ammnet(tiny_nyu: Path) -> Callable[..., Experiment]:
    """Return a maker of AMMNet experiments that run in a folder; sections given are merged in."""
    def make(folder: Path, **sections: dict[str, Any]) -> Experiment:
        document: dict[str, Any] = {
            'name': 'tiny',
            'system': 'ammnet',
            'network': dict(TINY_AMMNET),
            'data': {'root': str(tiny_nyu), 'batch_size': 2, 'val_samples': 1},
            'optimization': {'steps': 4, 'epochs': 2},
            'run': {'folder': str(folder), 'validations': 1, 'log_every_steps': 1,
                    'checkpoint_every_steps': 2},
        }
        for name, section in sections.items():
            document[name] = {**document.get(name, {}), **section}
        return parse_experiment(document)
    return make


@pytest.fixture(scope='session')
def make_gad(tiny_nyu: Path) -> Callable[..., Experiment]:
    """Return a maker of GAD experiments that run in a folder; sections given are merged in."""
    def make(folder: Path, **sections: dict[str, Any]) -> Experiment:
        document: dict[str, Any] = {
            'name': 'tiny',
            'system': 'gad',
            'network': dict(TINY_GAD),
            'data': {'root': str(tiny_nyu), 'batch_size': 2, 'val_samples': 1},
            'losses': {'size': None},
            'optimization': {'steps': 4, 'learning_rate': 1e-3},
            'run': {'folder': str(folder), 'validations': 1, 'log_every_steps': 1,
                    'checkpoint_every_steps': 2},
        }
        for name, section in sections.items():
            document[name] = {**document.get(name, {}), **section}
        return parse_experiment(document)
    return make
