"""Fixtures of the command line tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def rooms(root: Path) -> ModuleType:
    """Return the module that writes tiny stereo bags."""
    spec = importlib.util.spec_from_file_location('stereo_bags', root / 'test/bags/stereo_bags.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stereo_bag(rooms: ModuleType, tmp_path: Path) -> Path:
    return rooms.write_stereo_bag(tmp_path / 'stereo_bag', compressed=True)
