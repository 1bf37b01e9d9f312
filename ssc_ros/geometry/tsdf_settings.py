"""Which signed distance is stored, and its exact values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.tsdf_distance import NEARNESS_ON_SURFACE, TRUNCATION_VOXELS

# A cell counts as in front of the surface down to this far behind it (SSCNet).
SIGN_TOLERANCE_M = 1e-4
# Flipped values keep this much of their sign far from the surface (SSCNet).
FLIPPED_MINIMUM = 0.001
# Where the projective distance finds no depth, everything is behind the surface.
BEHIND_EVERYTHING_M = -1e3


@dataclass(frozen=True, slots=True)
class TsdfSettings:
    """
    Which distance is stored, and where; the defaults are those of 3D-Sketch and AMMNet.

    Attributes:
        kind: ``accurate``: distance to the nearest surface voxel in any direction, the sign along
            the viewing ray; ``projective``: both along the viewing ray, -1 behind missing depth.
        flipped: store sign * (1 - distance), steep at the surface (SSCNet), at least 0.001.
        unobserved: value, before flipping, of voxels that no valid pixel sees: 0 in the TSDF
            that 3D-Sketch released, 1 in SSCNet.
        min_depth_m, max_depth_m: measurements outside mark surfaces but observe no voxels;
            accurate kind only.
    """

    kind: Literal['accurate', 'projective'] = 'accurate'
    flipped: bool = False
    unobserved: float = 0.0
    min_depth_m: float = 0.5
    max_depth_m: float = 8.0

    def __post_init__(self) -> None:
        if self.kind not in ('accurate', 'projective') or not -1 <= self.unobserved <= 1:
            raise ConfigurationError(
                f'TSDF kind {self.kind!r} must be accurate or projective and the unobserved '
                f'value {self.unobserved} between -1 and 1')

    def stored(self, plain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is stored for plain values in [-1, 1]."""
        if not self.flipped:
            return plain
        sign = np.where(plain <= -FLIPPED_MINIMUM, -1.0, 1.0)
        flipped: NDArray[np.float64] = sign * np.maximum(FLIPPED_MINIMUM, 1 - np.abs(plain))
        return flipped

    def value_table(self) -> NDArray[np.float32]:
        """Return the (3, 256) stored values by sign + 1 and nearness."""
        squared = NEARNESS_ON_SURFACE - np.arange(256.0).clip(max=NEARNESS_ON_SURFACE)
        distance = np.minimum(np.sqrt(squared, dtype=np.float32) / TRUNCATION_VOXELS, 1)
        unobserved = np.where(squared == 0, 0.0, self.unobserved)
        plain = np.stack([-distance, unobserved, distance]).astype(np.float64)
        return self.stored(plain).astype(np.float32)
