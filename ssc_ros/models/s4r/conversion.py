"""Official checkpoints of S4R: there are none."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from ssc_ros.errors import WeightsError


def read_official(checkpoint: Path, *, preset: str | None = None) -> NoReturn:
    """
    Refuse.

    Raises:
        WeightsError: always.
    """
    raise WeightsError(
        f'{checkpoint} cannot be converted: the authors of S4R published no weights; train a '
        'network, or export a checkpoint of a training')
