"""Fixtures of the tests of AMMNet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def official(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the names and the filling formula of official tensors."""
    return load_module(Path(__file__).with_name('official_reference.py'))
