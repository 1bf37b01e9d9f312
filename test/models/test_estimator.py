"""Tests of what every network shares when it is loaded."""

from __future__ import annotations

import subprocess
import sys

LOAD_ABSENT = """
import sys
from ssc_ros.errors import WeightsError
from ssc_ros.models.estimator import load_estimator

try:
    load_estimator('absent')
except WeightsError as error:
    print(error)
sys.exit('torch' in sys.modules)
"""


def test_a_missing_bundle_is_named_before_torch_is_imported() -> None:
    result = subprocess.run(
        [sys.executable, '-c', LOAD_ABSENT], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "weights 'absent' are neither a shipped bundle" in result.stdout
