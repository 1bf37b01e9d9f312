"""Named AMMNet configurations: the published ones, their ablations and a small one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.network_config import find_preset

_FULL = AmmnetConfig(name='ammnet')
_BASELINE = replace(_FULL, name='baseline', fusion_sites=())
_M1 = replace(_FULL, name='m1', fusion_sites=(1,))
_RESNET50 = replace(_FULL, name='resnet50', encoder='resnet50')
_LABELS = replace(_FULL, name='labels', encoder='labels', fills_holes=False)
_SMALL = replace(
    _FULL, name='small', encoder='lite0', image_stride=2, feature_channels=48, trunk_stride=2,
    image_dropout=0.1, tsdf_dropout=0.1, keeps_unused_parameters=False)

# Adversarial training, label smoothing and 2D augmentation change no network: the rows of a table
# that differ in these alone share one entry.
_PRESETS = (
    _FULL,
    _BASELINE,
    # The baseline's own paper (CleanerS, CVPR 2023) only flips.
    replace(_BASELINE, name='cleaners', augmentation_swap=False),
    # Table 4.
    _M1,
    replace(_FULL, name='m1-m2', fusion_sites=(1, 2)),
    # Table 5.
    replace(_M1, name='m1-forward-only', modulation_gradient='addition'),
    replace(_M1, name='m1-gradient-only', modulation_forward='addition'),
    # Table S1.
    _RESNET50,
    replace(_RESNET50, name='resnet50-baseline', fusion_sites=()),
    _LABELS,
    replace(_LABELS, name='labels-baseline', fusion_sites=()),
    # Table S2.
    replace(_FULL, name='add', fusion='add'),
    replace(_FULL, name='concat', fusion='concat'),
    replace(_FULL, name='senet', fusion='senet'),
    replace(_FULL, name='cbam', fusion='cbam'),
    replace(_FULL, name='highway', fusion='highway'),
    # Table S3.
    replace(_BASELINE, name='baseline-no-dropout', image_dropout=0.0, tsdf_dropout=0.0,
            voxel_dropout=0.0),
    replace(_BASELINE, name='baseline-no-augmentation-3d', augmentation_3d='none'),
    _SMALL,
    replace(_SMALL, name='small-baseline', fusion_sites=()),
    replace(_SMALL, name='small-labels', encoder='labels', fills_holes=False),
    replace(_SMALL, name='small-labels-baseline', encoder='labels', fills_holes=False,
            fusion_sites=()),
)
PRESETS: Mapping[str, AmmnetConfig] = {preset.name: preset for preset in _PRESETS}


def load_preset(name: str) -> AmmnetConfig:
    """Return a configuration of :data:`PRESETS` by name."""
    return find_preset(PRESETS, name)
