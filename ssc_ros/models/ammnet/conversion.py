"""Reading of official AMMNet checkpoints, and of pretrained image encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ssc_ros.errors import WeightsError
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.discriminator import Discriminator
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import PRESETS, load_preset
from ssc_ros.weights.convert.ammnet import translate_encoder, translate_names
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.fit import check_tensors

_DISCRIMINATOR = 'discriminator.'
_INFERRED = ('encoder', 'fusion_sites', 'fusion')
_IMAGE_STEMS = {
    'segformer-b2': 'image.encoder.stages.0.blocks.0.feed_norm.weight',
    'resnet50': 'image.encoder.stem.0.weight', 'labels': 'image.stem.0.weight'}


def read_official(
    checkpoint: Path, *, preset: str | None = None,
) -> tuple[AmmnetConfig, dict[str, Tensor]]:
    """
    Return configuration and tensors, under our names, of an official checkpoint.

    Its discriminator must be whole, too, and is left out: only training needs it.

    Args:
        checkpoint: file of the AMMNet release, read as weights only.
        preset: configuration to check against; inferred from the tensors by default.

    Raises:
        WeightsError: the file cannot be read, or tensors are missing, left over or of another
            shape.
    """
    official = read_checkpoint(checkpoint)
    renamed = {ours: official[name] for name, ours in translate_names(official).items()}
    judge = {name[len(_DISCRIMINATOR):]: tensor for name, tensor in renamed.items()
             if name.startswith(_DISCRIMINATOR)}
    state = {name: tensor for name, tensor in renamed.items()
             if not name.startswith(_DISCRIMINATOR)}
    config = load_preset(preset) if preset else infer_config(state)
    with torch.device('meta'):
        expected = AmmnetNetwork(config).state_dict()
        expected_judge = Discriminator(config).state_dict() if judge else {}
    check_tensors(state, expected, config.name)
    check_tensors(judge, expected_judge, f'discriminator of {config.name}')
    return config, state


def infer_config(state: Mapping[str, Tensor]) -> AmmnetConfig:
    """
    Return the published configuration that tensors under our names belong to.

    Raises:
        WeightsError: no published configuration is like it.
    """
    sites = {int(name.split('.')[2]) for name in state if name.startswith('decoder.fusions.')}
    found = {
        'encoder': next((kind for kind, stem in _IMAGE_STEMS.items() if stem in state), 'unknown'),
        'fusion_sites': tuple(sorted(sites)), 'fusion': 'modulation'}
    for config in PRESETS.values():
        if all(getattr(config, field) == found[field] for field in _INFERRED):
            return config
    raise WeightsError(f'no published configuration is like {found}: give the preset by name')


def load_pretrained_encoder(network: AmmnetNetwork, checkpoint: Path) -> None:
    """
    Load the image encoder from a checkpoint of its own, of a SegFormer or of 3D-Sketch.

    Args:
        checkpoint: ``.safetensors``, or a pickle that is read as weights only.

    Raises:
        WeightsError: the file cannot be read, or holds no such encoder.
    """
    encoder = getattr(network.image, 'encoder', None)
    if not isinstance(encoder, nn.Module):
        raise WeightsError(
            f'configuration {network.config.name!r} reads label maps: it has no encoder to load')
    if checkpoint.suffix == '.safetensors':
        from safetensors.torch import load_file

        tensors = load_file(checkpoint)
    else:
        tensors = read_checkpoint(checkpoint)
    state = encoder_state(tensors)
    check_tensors(state, encoder.state_dict(), f'encoder of {network.config.name}')
    encoder.load_state_dict(state)


def encoder_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a pretrained encoder, and join separate keys and values."""
    state = {ours: tensors[name] for name, ours in translate_encoder(tensors).items()}
    for name in [name for name in state if '.key_value.key.' in name]:
        key = state.pop(name)
        value = state.pop(name.replace('.key_value.key.', '.key_value.value.'))
        state[name.replace('.key_value.key.', '.key_value.')] = torch.cat([key, value])
    return state
