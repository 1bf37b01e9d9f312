"""Named IMENet configurations: the published ones, their ablations and small ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.network_config import find_preset

# The most literal reading of the paper, and the one that should train best.
_PAPER = ImenetConfig(name='paper')
_ROBUST = replace(
    _PAPER, name='robust', dcp_input='onehot', attn_mode='column', attn_scale='sqrt',
    attn_gamma='learned0', proj_lookup='march')
_SMALL = replace(
    _ROBUST, name='small', work_size=(192, 256), image_network='lite0', voxel_network='small',
    tsdf_subdivision=1, voxel_channels=32, dcp2d_channels=16, dcp2d_rates=(1, 5),
    dcp3d_channels=16, dcp3d_grid='half', dcp3d_masked=True, attn_masked=True)


def _models(full: ImenetConfig, prefix: str) -> tuple[ImenetConfig, ...]:
    """Return the rows of Table 3: with the loop or not, either refiner or both."""
    none = replace(full, has_dcp2d=False, has_dda=False)
    return (
        replace(none, name=f'{prefix}a', iterations=0),
        replace(none, name=f'{prefix}b'),
        replace(full, name=f'{prefix}c', has_dda=False),
        replace(full, name=f'{prefix}d', has_dcp2d=False),
        replace(full, name=f'{prefix}e'))


def _given_pixels(full: ImenetConfig, name: str) -> ImenetConfig:
    """Return 2DGT: voxels refined once, with final labels of pixels."""
    return replace(full, name=name, image_network='none', iterations=1, has_dcp2d=False)


def _given_voxels(full: ImenetConfig, name: str) -> ImenetConfig:
    """Return 3DGT: pixels refined once, with final labels of voxels."""
    return replace(full, name=name, voxel_network='none', iterations=1, has_dda=False)


def _sketch(full: ImenetConfig, name: str) -> ImenetConfig:
    """Return Table 2's network with the sketch prior."""
    return replace(full, name=name, voxel_network='sketch', tsdf_subdivision=1,
                   voxel_channels=128)


def _family(full: ImenetConfig, prefix: str) -> tuple[ImenetConfig, ...]:
    """Return the rows of Tables 2 to 4 in one reading."""
    sketch = _sketch(full, f'{prefix}s1')
    return (
        *_models(full, prefix),
        replace(sketch, name=f'{prefix}s0', iterations=0, has_dcp2d=False, has_dda=False),
        sketch,
        _given_pixels(sketch, f'{prefix}2dgt'),
        _given_voxels(full, f'{prefix}3dgt'))


_SMALL_LABELS = replace(_SMALL, name='small-labels', image_network='labels')
_SMALL_SKETCH = replace(_SMALL, name='small-sketch', voxel_network='sketch',
                        sketch_encoder='lite0', sketch_samples=1)
_PRESETS = (
    _PAPER,
    *_family(_PAPER, ''),
    _ROBUST,
    *_family(_ROBUST, 'robust-'),
    # What a released checkpoint of 3D-Sketch is.
    replace(_sketch(_PAPER, 'sketch'), image_network='none', iterations=0, has_dcp2d=False,
            has_dda=False),
    # Table 4's network with depth and no volume.
    replace(_PAPER, name='rgbd', image_network='seg2dnet-rgbd', voxel_network='none',
            iterations=0, has_dcp2d=False, has_dda=False),
    _SMALL,
    *_models(_SMALL, 'small-'),
    _given_pixels(_SMALL, 'small-2dgt'),
    _given_voxels(_SMALL, 'small-3dgt'),
    _SMALL_SKETCH,
    replace(_SMALL_SKETCH, name='small-s0', iterations=0, has_dcp2d=False, has_dda=False),
    # Coarse labels of pixels from the maps that came with a data set.
    _SMALL_LABELS,
    *_models(_SMALL_LABELS, 'small-labels-'),
)
PRESETS: Mapping[str, ImenetConfig] = {preset.name: preset for preset in _PRESETS}


def load_preset(name: str) -> ImenetConfig:
    """Return a configuration of :data:`PRESETS` by name."""
    return find_preset(PRESETS, name)
