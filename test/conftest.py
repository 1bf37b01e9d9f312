"""Fixtures and rules shared by all tests."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from ssc_ros.commands.processes import free_domain

ROOT = Path(__file__).resolve().parents[1]

# A graph of our own, on this machine only, so that a test never hears a robot or another run.
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(free_domain()))
# As Humble always does: fields take values of exactly their type, or raise.
os.environ.setdefault('ROS_PYTHON_CHECK_FIELDS', '1')

# Shared machines stall at random: a deadline would test the machine, not the code. The examples
# are the same everywhere, so that what fails for one fails for all;
# `--hypothesis-profile=explore` looks for new ones.
settings.register_profile(
    'ssc_ros', deadline=None, max_examples=50, print_blob=True, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    'explore', settings.get_profile('ssc_ros'), derandomize=False, max_examples=500)
settings.load_profile('ssc_ros')


def _missing(module: str) -> bool:
    return importlib.util.find_spec(module) is None


def _has_no_gpu() -> bool:
    if _missing('torch'):
        return True
    import torch
    return not torch.cuda.is_available()


REQUIREMENTS = {
    'gpu': (_has_no_gpu, 'needs a CUDA device'),
    'ros': (lambda: _missing('rclpy'), 'needs rclpy'),
    'launch': (lambda: _missing('launch_testing_ros'), 'needs the ROS 2 launch system'),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    for marker, (is_missing, reason) in REQUIREMENTS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and is_missing():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope='session')
def root() -> Path:
    """Return the folder of the checkout."""
    return ROOT


@pytest.fixture(scope='session')
def load_module() -> Callable[[Path], ModuleType]:
    """Return a loader of modules that tests share: the folders of tests are no packages."""
    def load(path: Path) -> ModuleType:
        name = '_'.join(path.relative_to(ROOT).with_suffix('').parts)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    return load


@pytest.fixture(scope='session')
def rooms(root: Path, load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the module that writes tiny stereo bags."""
    return load_module(root / 'test/bags/stereo_bags.py')


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of real sample data; tests that use it skip where it is absent."""
    folder = Path(os.environ.get('SSC_ROS_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no real data at {folder}: set SSC_ROS_DATA')
    return folder
