"""Run the launch_testing tests of this folder where the launch system is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def is_installed() -> bool:
    """Launch files find their package by the ament index: it must have been built and sourced."""
    try:
        from ament_index_python.packages import get_package_prefix

        get_package_prefix('ssc_ros')
    except (ImportError, LookupError):
        return False
    return True


@pytest.mark.launch
@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize('name', sorted(path.name for path in FOLDER.glob('*.test.py')))
def test_launch_file_keeps_its_promises(name):
    if not is_installed():
        pytest.skip('ssc_ros is not in the ament index: colcon build, then source its setup.bash')
    result = subprocess.run(
        [sys.executable, '-m', 'launch_testing.launch_test', FOLDER / name],
        capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
