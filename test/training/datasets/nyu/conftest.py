"""The made-up frames in other forms, and the real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.datasets.nyu import NyuSamples
from training.datasets.nyu.fixture import write_raw_fixture


@pytest.fixture(scope='session')
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the frames of `tiny_nyu` as a raw release."""
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
def samples(tiny_nyu: Path) -> NyuSamples:
    """Return the two test frames of the made-up package."""
    return NyuSamples(tiny_nyu, 'test')
