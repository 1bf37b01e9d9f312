"""Open a scan by the name of its layout and a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ssc_ros.errors import ConfigurationError

from .frame import Scan
from .matterport import MatterportBuilding
from .scannet import open_scannet
from .sequences import SEQUENCES
from .spsg import SpsgImages
from .tum import TumScan

READERS: dict[str, Callable[[Path | str], Scan]] = {
    'scannet': open_scannet, 'matterport': MatterportBuilding, 'tum': TumScan,
    'spsg': SpsgImages, **SEQUENCES}


def open_scan(layout: str, path: Path | str) -> Scan:
    """
    Open a scan; `scannet` takes a `.sens` stream or an extracted folder.

    Raises:
        ConfigurationError: there is no such layout.
        DataError: the path holds something else.
    """
    if layout not in READERS:
        raise ConfigurationError(
            f'layout {layout!r} is unknown: use one of {", ".join(sorted(READERS))}')
    return READERS[layout](path)
