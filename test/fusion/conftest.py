"""Fixtures of the tests of the fusion."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def scenes() -> ModuleType:
    """Return the module that makes cameras, volumes and views of a sphere."""
    path = Path(__file__).with_name('fusion_scenes.py')
    spec = importlib.util.spec_from_file_location('fusion_scenes', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
