"""Fixtures of the tests of S4R."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f's4r_{path.stem}', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def scenes() -> ModuleType:
    """Return the fields that rays are cast into."""
    return _load(Path(__file__).with_name('rendering_scenes.py'))


@pytest.fixture(scope='session')
def plain(root: Path) -> ModuleType:
    """Return the plain form of the ray-caster, from its benchmark."""
    return _load(root / 'benchmarks' / 'bench_rendering.py')
