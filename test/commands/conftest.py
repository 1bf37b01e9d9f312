"""Fixtures of the command line tests."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def stereo_bag(rooms: ModuleType, tmp_path: Path) -> Path:
    return rooms.write_stereo_bag(tmp_path / 'stereo_bag', compressed=True)
