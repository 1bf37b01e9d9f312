"""Fixtures of the tests of the fusion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def scenes(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the module that makes cameras, volumes and views of a sphere."""
    return load_module(Path(__file__).with_name('fusion_scenes.py'))
