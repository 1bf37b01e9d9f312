"""Tiny scans in memory and on disk."""

from __future__ import annotations

import pytest

from training.datasets.scans.synthetic import ScanRecipe, SyntheticScan

from .tiny import TinyScan


@pytest.fixture(scope='session')
def tiny_scan():
    return TinyScan()


@pytest.fixture(scope='session')
def synthetic_scan():
    return SyntheticScan(ScanRecipe(
        'test', 3, rooms=2, frames_per_room=6, height=48, width=64, paint='classes'))
