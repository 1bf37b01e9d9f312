"""Configuration of an OccDepth network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.network_config import NetworkConfig

Placement = Literal['kitti', 'nyu', 'tartanair']
Spacing = Literal['lid', 'uniform', 'sid']


@dataclass(frozen=True, slots=True, kw_only=True)
class OccDepthConfig(NetworkConfig):
    """
    Everything that shapes an OccDepth network and its targets.

    Attributes:
        name: of the configuration, for reports.
        label_space: name of the label space; ``num_classes`` counts its ids, empty included.
        placement: rule that puts the voxel box before the camera.
        grid_shape, voxel_size_m, axis_order: the label array (see ``geometry.VoxelGrid``).
        image_size: (height, width) the network is made for; others work where the calibration
            tables are made for them.
        project_scale: features are lifted to voxels this many times as long.
        final_upsampling: classify after one more upsampling by ``project_scale`` (KITTI network)
            or at the lifted resolution (NYU network).
        encoder, decoder_widths: image network; widths None = halved from the encoder's head.
        feature_channels: C of the lifted features.
        views: images given: 2 for stereo, 1 otherwise.
        virtual_baseline_m: synthesise a second view this far to the right from depth; None: off.
        fusion, sfa_single_view_scale: Stereo-SFA or its ablations; weight of a feature that one
            view sees: 1.0 as in the paper, 0.5 as in the official code.
        gather: look-up of features at projected voxels.
        half_pixel_shift: shift virtual features by half a pixel, as the official code does.
        depth_prior: occupancy-aware depth (OAD); ``depth_bins`` with ``num_depth_bins`` from
            ``depth_min_m`` to ``depth_max_m``: nearer and farther voxels get zero features.
        depth_channels, prior_gain: width of the depth network; factor on the prior.
        depth_matching: show the depth network also how well both eyes agree at each bin; not in
            the paper, whose depth network sees one eye at a time.
        depth_supervision, depth_target_bins: teacher of the depth network and bins of its target.
        share_2d_backbone_gradient: compute all views but the first without gradient.
        joint_view_statistics: train all views in one batch, sharing batch statistics.
        context_prior, cascade_head, occlusion_head, head_trunk: parts of the 3D network.
        keeps_unused_parameters: own the parameters of official checkpoints that nothing reads.
    """

    network_title: ClassVar = 'OccDepth'
    choices: ClassVar = {
        'placement': ('kitti', 'nyu', 'tartanair'),
        'axis_order': ('xyz', 'xzy'),
        'encoder': (
            'plain', 'efficientnet-b0', 'efficientnet-b3', 'efficientnet-b4', 'efficientnet-b5',
            'efficientnet-b7'),
        'fusion': ('sfa', 'mean', 'concat'),
        'gather': ('nearest', 'bilinear'),
        'depth_bins': ('lid', 'uniform', 'sid'),
        'depth_target_bins': ('lid', 'uniform', 'sid'),
        'depth_supervision': ('stereo', 'lidar', 'none'),
        'head_trunk': ('aspp', 'separable'),
    }

    num_classes: int
    placement: Placement
    grid_shape: tuple[int, int, int]
    voxel_size_m: float
    axis_order: Literal['xyz', 'xzy'] = 'xyz'
    image_size: tuple[int, int]
    project_scale: int = 1
    final_upsampling: bool = False
    encoder: str
    decoder_widths: tuple[int, ...] | None = None
    feature_channels: int
    views: int = 2
    virtual_baseline_m: float | None = None
    fusion: Literal['sfa', 'mean', 'concat'] = 'sfa'
    sfa_single_view_scale: float = 1.0
    gather: Literal['nearest', 'bilinear'] = 'nearest'
    half_pixel_shift: bool = False
    depth_prior: bool = True
    depth_bins: Spacing = 'lid'
    depth_min_m: float = 2.0
    depth_max_m: float = 54.0
    num_depth_bins: int = 104
    depth_channels: int = 128
    prior_gain: float = 100.0
    depth_matching: bool = False
    depth_supervision: Literal['stereo', 'lidar', 'none'] = 'stereo'
    depth_target_bins: Spacing = 'lid'
    share_2d_backbone_gradient: bool = False
    joint_view_statistics: bool = False
    context_prior: bool = False
    cascade_head: bool = True
    occlusion_head: bool = False
    head_trunk: Literal['aspp', 'separable'] = 'aspp'
    keeps_unused_parameters: bool = True

    def __post_init__(self) -> None:
        self.check_choices()
        if self.views not in (1, 2) or (self.views == 2 and self.virtual_baseline_m is not None):
            raise ConfigurationError(
                f'{self.views} views with virtual baseline {self.virtual_baseline_m}: give 2 '
                'views, or 1 with or without a virtual baseline')
        if self.depth_matching and not (self.depth_prior and self.views == 2):
            raise ConfigurationError('depth_matching needs depth_prior and 2 views')
        if self.feature_channels < 4 or self.feature_channels % 4:
            raise ConfigurationError(
                f'feature_channels is {self.feature_channels}: needs a positive multiple of 4')
        if not self.final_upsampling and self.project_scale != 1:
            raise ConfigurationError('project_scale other than 1 needs final_upsampling')
        if any(length % (4 * self.project_scale) for length in self.grid_shape):
            raise ConfigurationError(
                f'grid_shape {self.grid_shape} must be divisible by four times project_scale, '
                f'{4 * self.project_scale}')

    @property
    def lifted_shape(self) -> tuple[int, int, int]:
        """Array shape of the lifted volume."""
        x, y, z = (length // self.project_scale for length in self.grid_shape)
        return x, y, z

    @property
    def fused_views(self) -> int:
        """Number of views that meet in the voxels, the virtual one included."""
        return self.views if self.virtual_baseline_m is None else 2

    def with_official_behaviour(self) -> OccDepthConfig:
        """Return what the official code does where it departs from the paper."""
        return replace(
            self, sfa_single_view_scale=0.5, half_pixel_shift=True, depth_target_bins='uniform')
