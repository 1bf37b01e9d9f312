"""Named OccDepth configurations: the published ones, their ablations and a small one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ssc_ros.models.network_config import find_preset
from ssc_ros.models.occdepth.config import OccDepthConfig

_K7 = OccDepthConfig(
    name='k7', label_space='semantic_kitti20', num_classes=20, placement='kitti',
    grid_shape=(256, 256, 32), voxel_size_m=0.2, image_size=(370, 1220), project_scale=2,
    final_upsampling=True, encoder='efficientnet-b7', feature_channels=64, context_prior=True)
_K7_FLOSP = replace(_K7, name='k7-flosp', depth_prior=False, depth_supervision='none')
_K3 = replace(
    _K7, name='k3', encoder='efficientnet-b3', feature_channels=32,
    share_2d_backbone_gradient=True)
_K_MONO = replace(
    _K3, name='k-mono', feature_channels=24, views=1, depth_supervision='none',
    context_prior=False, cascade_head=False)
_N4 = OccDepthConfig(
    name='n4', label_space='nyu12', num_classes=12, placement='nyu',
    grid_shape=(60, 36, 60), voxel_size_m=0.08, axis_order='xzy', image_size=(480, 640),
    encoder='efficientnet-b4', feature_channels=100, views=1, virtual_baseline_m=0.1,
    depth_prior=False, depth_supervision='none', depth_min_m=0.0, depth_max_m=10.0,
    num_depth_bins=125, share_2d_backbone_gradient=True, cascade_head=False)
_TARTANAIR = replace(
    _K7, name='tartanair', label_space='semantic_tartanair14', num_classes=14,
    placement='tartanair', grid_shape=(120, 48, 120), voxel_size_m=0.1, image_size=(480, 640),
    depth_min_m=0.25, depth_max_m=15.0, num_depth_bins=118)
# Table 4a: B3 with 24 channels, no depth prior.
_FUSION = replace(
    _K3, name='fusion-sfa', feature_channels=24, depth_prior=False, depth_supervision='none',
    share_2d_backbone_gradient=False)
_SMALL = OccDepthConfig(
    name='small', label_space='nyu12', num_classes=12, placement='nyu',
    grid_shape=(60, 36, 60), voxel_size_m=0.08, axis_order='xzy', image_size=(240, 320),
    encoder='plain', decoder_widths=(96, 64, 48, 32, 24), feature_channels=24,
    gather='bilinear', depth_min_m=0.25, depth_max_m=6.0, num_depth_bins=48, depth_channels=64,
    depth_matching=True, prior_gain=48.0, joint_view_statistics=True, head_trunk='separable',
    keeps_unused_parameters=False)

_PRESETS = (
    _K7, _K7_FLOSP, _K3, _K_MONO, _N4,
    replace(_N4, name='n7', encoder='efficientnet-b7', feature_channels=200, context_prior=True),
    _TARTANAIR,
    replace(_TARTANAIR, name='tartanair-full', project_scale=1),
    # Table 3, below "Ours"; each also lacks what the previous one lacks.
    replace(_K7, name='k7-no-distillation', depth_supervision='none'),
    replace(_K7_FLOSP, name='k7-flosp-mean', fusion='mean'),
    replace(_K7_FLOSP, name='monoscene', views=1, cascade_head=False),
    replace(_N4, name='monoscene-nyu', encoder='efficientnet-b7', feature_channels=200,
            context_prior=True, virtual_baseline_m=None),
    replace(_K7, name='k7-lidar', depth_supervision='lidar'),
    _FUSION,
    replace(_FUSION, name='fusion-mean', fusion='mean'),
    replace(_FUSION, name='fusion-concat', fusion='concat'),
    # Table 4b; LID is k-mono itself.
    replace(_K_MONO, name='bins-uniform', depth_bins='uniform'),
    replace(_K_MONO, name='bins-sid', depth_bins='sid'),
    replace(_K3, name='k3-occlusion', occlusion_head=True),
    _SMALL,
    replace(_SMALL, name='small-mean', fusion='mean'),
    replace(_SMALL, name='small-concat', fusion='concat'),
    replace(_SMALL, name='small-no-matching', depth_matching=False),
    replace(_SMALL, name='small-no-depth', depth_matching=False, depth_prior=False,
            depth_supervision='none'),
    replace(_SMALL, name='small-mono', depth_matching=False, views=1),
    replace(_SMALL, name='small-rgbd', depth_matching=False, views=1, virtual_baseline_m=0.1),
)
PRESETS: Mapping[str, OccDepthConfig] = {preset.name: preset for preset in _PRESETS}


def load_preset(name: str) -> OccDepthConfig:
    """Return a configuration of :data:`PRESETS` by name."""
    return find_preset(PRESETS, name)
