"""The made-up package, written once, and the real one where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.datasets.nyu import NyuSamples
from training.datasets.nyu.fixture import write_fixture, write_raw_fixture


@pytest.fixture(scope='session')
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the converted made-up package: frames 3 to 5 to train on, 1 and 2 to test."""
    root = tmp_path_factory.mktemp('package') / 'NYU'
    write_fixture(root)
    return root


@pytest.fixture(scope='session')
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same frames as a raw release."""
    root = tmp_path_factory.mktemp('release')
    write_raw_fixture(root)
    return root


@pytest.fixture(scope='session')
def real_package(shared_data: Path) -> Path:
    """Return the whole real package; tests that use it skip where it is absent."""
    if not (shared_data / 'nyu' / 'TSDF').is_dir():
        pytest.skip(f'no NYUv2 package at {shared_data / "nyu"}')
    return shared_data / 'nyu'


@pytest.fixture(scope='session')
def real_release(shared_data: Path) -> Path:
    """Return the raw files of frame 1; tests that use them skip where they are absent."""
    if not (shared_data / 'nyu_raw' / 'depthbin').is_dir():
        pytest.skip(f'no raw SSCNet files at {shared_data / "nyu_raw"}')
    return shared_data / 'nyu_raw'


@pytest.fixture(scope='session')
def samples(package: Path) -> NyuSamples:
    """Return the two test frames of the made-up package."""
    return NyuSamples(package, 'test')
