"""What refines the scores of one branch with the labels of the other."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ssc_ros.models.imenet.attention import DepthAttention
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.inputs import ImenetInputs, required
from ssc_ros.models.imenet.projection import Project2Dto3D, Project3Dto2D
from ssc_ros.models.imenet.refinement import DCP2d, DCP3d


def _evidence_options(config: ImenetConfig) -> dict[str, Any]:
    return {'evidence': config.dcp_input, 'unmapped': config.proj_unmapped,
            'groups': config.deform_groups, 'implementation': config.deform_impl}


class PixelRefiner(nn.Module):
    """Projects labels of voxels and refines pixels with them (DCP, Eq. 1)."""

    def __init__(self, config: ImenetConfig) -> None:
        super().__init__()
        self.table = 'ray_voxels' if config.proj_lookup == 'march' else 'voxel_of_pixel'
        self.project = Project3Dto2D(config.work_size)
        self.dcp = DCP2d(config.num_classes, channels=config.dcp2d_channels,
                         rates=config.dcp2d_rates, **_evidence_options(config))

    def forward(self, f2d: Tensor, labels3d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return scores like ``f2d`` (B, C, h, w), given (B, X, Y, Z) labels."""
        projected = self.project(labels3d, required(inputs, self.table))
        scores: Tensor = self.dcp(f2d, projected)
        return scores


class VoxelRefiner(nn.Module):
    """Lifts labels of pixels, refines voxels with them and attends over depth (DDA, Eq. 2)."""

    def __init__(self, config: ImenetConfig) -> None:
        super().__init__()
        self.is_masked = config.dcp3d_masked
        self.lift = Project2Dto3D(
            config.grid_shape, config.num_classes, vote=config.proj_vote)
        self.dcp = DCP3d(config.num_classes, channels=config.dcp3d_channels,
                         rates=config.dcp3d_rates, grid=config.dcp3d_grid,
                         **_evidence_options(config))
        self.attention = DepthAttention(
            config.attn_mode, config.attn_scale, config.attn_gamma, masked=config.attn_masked)

    def forward(self, f3d: Tensor, labels2d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return scores like ``f3d`` (B, C, X, Y, Z), given (B, h, w) labels."""
        lifted = self.lift(labels2d, inputs.voxel_of_pixel, inputs.pixel_of_voxel)
        refined = self.dcp(f3d, lifted, inputs.nonfree if self.is_masked else None)
        scores: Tensor = self.attention(refined, inputs.nonfree)
        return scores
