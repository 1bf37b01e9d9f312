"""Fixtures of the tests of S4R."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope='session')
def scenes(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the fields that rays are cast into."""
    return load_module(Path(__file__).with_name('rendering_scenes.py'))


@pytest.fixture(scope='session')
def plain(root: Path, load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the plain form of the ray-caster, from its benchmark."""
    return load_module(root / 'benchmarks' / 'bench_rendering.py')
