"""Named S4R configurations: the published ones, their ablations and small ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ssc_ros.models.network_config import find_preset
from ssc_ros.models.s4r.config import S4rConfig

_FULL = S4rConfig(name='s4r')
# Voxels of twice the length: an eighth of the work over the same space, for robots without a GPU;
# short trainings need not learn to repeat what was measured.
_SMALL = replace(
    _FULL, name='small', voxel_size_m=0.04, chunk_shape=(64, 32, 32), channels=(8, 16, 32, 64),
    adds_to_input=True)


def _ablations(full: S4rConfig, prefix: str) -> tuple[S4rConfig, ...]:
    """Return the networks of the rows of Tables 4 and 5; supervision changes no network."""
    color_blind = replace(
        full, name=f'{prefix}color-blind', encoders=('geometry',),
        decoders=('geometry', 'semantics'))
    return (
        color_blind,
        replace(full, name=f'{prefix}no-color-decoder', decoders=('geometry', 'semantics')),
        # The paper's row "w/o colour encoder" leaves open whether the decoder stays. Without it,
        # the network is the one that sees no colours at all.
        replace(color_blind, name=f'{prefix}no-color-encoder'),
        replace(full, name=f'{prefix}no-color-encoder-but-decoder', encoders=('geometry',)),
        replace(full, name=f'{prefix}single-task', decoders=('semantics',)))


_PRESETS = (
    _FULL,
    *_ablations(_FULL, ''),
    replace(_FULL, name='scannet', label_space='scannet15', num_classes=15),
    # What the paper tells of: bare distances and colours in, no occupancy out.
    replace(_FULL, name='literal', input_flags=False, has_occupancy=False),
    # As SPSG does it, whose conventions the paper follows where it is silent.
    replace(_FULL, name='lab', color_space='lab'),
    replace(_FULL, name='activation-first', norm_order='activation_first'),
    replace(_FULL, name='wide', channels=(16, 32, 64, 128, 128)),
    _SMALL,
    *_ablations(_SMALL, 'small-'),
)
PRESETS: Mapping[str, S4rConfig] = {preset.name: preset for preset in _PRESETS}


def load_preset(name: str) -> S4rConfig:
    """Return a configuration of :data:`PRESETS` by name."""
    return find_preset(PRESETS, name)
