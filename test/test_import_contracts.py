"""Which module may import which: the contracts of pyproject.toml, and what must stay light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIGHT = 'import sys; import {module}; print(*sorted(sys.modules))'


def imported_by(module: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter holds after one import."""
    result = subprocess.run(
        [sys.executable, '-c', LIGHT.format(module=module)], capture_output=True, text=True,
        check=True)
    return {name.partition('.')[0] for name in result.stdout.split()}


def test_the_contracts_of_the_house_are_kept(root: Path):
    result = subprocess.run(
        [sys.executable, '-c', 'from importlinter.cli import lint_imports_command as main; main()',
         '--no-logo'],
        cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]


@pytest.mark.parametrize('module', ['ssc_ros', 'ssc_ros.cli', 'ssc_ros.labels'])
def test_looking_around_loads_neither_torch_nor_ros(module):
    assert not imported_by(module) & {'torch', 'transformers', 'rclpy', 'cv2'}


@pytest.mark.parametrize('module', ['ssc_ros.geometry.projection', 'ssc_ros.messages.images'])
def test_arrays_and_messages_need_neither_torch_nor_a_middleware(module):
    assert not imported_by(module) & {'torch', 'transformers', 'rclpy'}


def test_the_synchroniser_needs_nothing_but_python():
    assert not imported_by('ssc_ros.sync') & {'numpy', 'torch', 'rclpy', 'cv2'}


def test_networks_need_no_ros():
    assert not imported_by('ssc_ros.models.estimator') & {'rclpy', 'sensor_msgs', 'training'}
