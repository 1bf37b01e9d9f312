"""Fixtures of the tests of losses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def official(root: Path, load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the filling formula that reference figures of AMMNet were computed with."""
    return load_module(root / 'test' / 'models' / 'ammnet' / 'official_reference.py')
