"""Named GAD configurations: the published ones, their ablations and a small one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.network_config import find_preset

_FULL = GadConfig(name='gad', crop_size=(228, 304))
_SMALL = replace(
    _FULL, name='small', crop_size=None, encoder='lite0', spf_tap='last', neck_channels=96,
    decoder_channels=(64, 48, 32), gap='local', gap_channels=16)


def _ablations(full: GadConfig, prefix: str) -> tuple[GadConfig, ...]:
    """Return the rows of Table 4 below the full network; its losses change no network."""
    gap = replace(full, name=f'{prefix}gap', has_spf=False)
    featprop = replace(gap, name=f'{prefix}featprop', gap='none')
    depth = replace(featprop, name=f'{prefix}depth', propagates_features=False)
    return (
        replace(depth, name=f'{prefix}semantic', has_depth=False), depth, featprop,
        replace(gap, name=f'{prefix}vanconv', gap='vanconv'), gap)


_ROWS = _ablations(_FULL, '')
_PRESETS = (
    _FULL,
    *_ROWS,
    replace(_ROWS[0], name='semantic-hha', input_channels=6),
    # Table 3.
    replace(_FULL, name='sunrgbd', label_space='sunrgbd37', num_classes=38),
    # What the authors' weights need.
    replace(_FULL, name='release', encoder='fcrn', input_norm='unit', masks_unlabelled=False,
            keeps_unused_parameters=True),
    # The propagation as the paper's prose has it, and one for small devices.
    replace(_FULL, name='gap-conv', gap='conv'),
    replace(_FULL, name='gap-local', gap='local'),
    _SMALL,
    *_ablations(_SMALL, 'small-'),
)
PRESETS: Mapping[str, GadConfig] = {preset.name: preset for preset in _PRESETS}


def load_preset(name: str) -> GadConfig:
    """Return a configuration of :data:`PRESETS` by name."""
    return find_preset(PRESETS, name)
