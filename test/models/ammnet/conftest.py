"""Fixtures of the tests of AMMNet."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def official() -> ModuleType:
    """Return the names and the filling formula of official tensors."""
    path = Path(__file__).with_name('official_reference.py')
    spec = importlib.util.spec_from_file_location('official_ammnet_reference', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
