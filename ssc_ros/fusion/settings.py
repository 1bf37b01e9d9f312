"""How frames are prepared and fused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssc_ros.errors import ConfigurationError

ColorFusion = Literal['halving', 'weighted']


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """
    Constants of the volumes that SPSG (Dai et al., CVPR 2021) trains on.

    Attributes:
        image_size: (height, width) that frames are resampled to.
        sensor_range_m: other depth is no measurement.
        filter_sigma_px, filter_sigma_m: widths of the bilateral filter of the depth.
        min_depth_m, max_depth_m: range of the depth that is fused.
        truncation_voxels, truncation_slope: a pixel of depth d changes voxels up to
            truncation_voxels * voxel size + truncation_slope * d behind it.
        near_weight: weight of a sample at min_depth_m, falling linearly to 0 at max_depth_m.
        min_weight: no sample counts less.
        color_fusion: ``halving`` gives the latest colour half of the weight, ``weighted``
            averages colours as distances.
    """

    image_size: tuple[int, int] = (240, 320)
    sensor_range_m: tuple[float, float] = (0.1, 12.0)
    filter_sigma_px: float = 2.0
    filter_sigma_m: float = 0.1
    min_depth_m: float = 0.4
    max_depth_m: float = 4.0
    truncation_voxels: float = 3.0
    truncation_slope: float = 0.02
    near_weight: float = 4.5
    min_weight: float = 1.0
    color_fusion: ColorFusion = 'halving'

    def __post_init__(self) -> None:
        if not 0 < self.min_depth_m < self.max_depth_m:
            raise ConfigurationError(
                f'fused depth from {self.min_depth_m} to {self.max_depth_m} m: expected '
                '0 < min_depth_m < max_depth_m')
        # Below 1 the stored weight, a whole number, would stay 0.
        if self.min_weight < 1 or self.color_fusion not in ('halving', 'weighted'):
            raise ConfigurationError(
                f'min_weight {self.min_weight} must be at least 1 and color_fusion '
                f'{self.color_fusion!r} one of halving, weighted')

    @property
    def weight_slope(self) -> float:
        """Change of a sample's weight per metre of depth."""
        return -self.near_weight / (self.max_depth_m - self.min_depth_m)

    @property
    def weight_at_zero(self) -> float:
        """Weight that the line of weights has at depth 0."""
        return self.near_weight - self.weight_slope * self.min_depth_m

    def truncation_m(self, depth_m: float, voxel_size_m: float) -> float:
        """Return how far behind a depth voxels are changed."""
        return self.truncation_voxels * voxel_size_m + self.truncation_slope * depth_m
