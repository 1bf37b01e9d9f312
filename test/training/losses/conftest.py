"""Fixtures of the tests of losses."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def official(root: Path) -> ModuleType:
    """Return the filling formula that reference figures of AMMNet were computed with."""
    path = root / 'test' / 'models' / 'ammnet' / 'official_reference.py'
    spec = importlib.util.spec_from_file_location('official_ammnet_reference', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
