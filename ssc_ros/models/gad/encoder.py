"""The encoder that both decoders share: ResNet-50 (He et al., CVPR 2016) or EfficientNet-Lite0."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.layers.efficientnet_lite0 import EfficientNetLite0Encoder
from ssc_ros.models.layers.resnet_block import EXPANSION, ResNetBlock

_STEM_WIDTH = 64
# Width, blocks, stride of the first block.
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


class ResNet50Encoder(nn.Module):
    """
    ResNet-50 with random weights, under the names that torchvision's have.

    Attributes:
        channels: of the four maps at 1/4 to 1/32 of the image that skip pyramid fusion reads; the
            last is that of the decoders' map, too.
    """

    def __init__(self, config: GadConfig) -> None:
        super().__init__()
        is_fcrn = config.encoder == 'fcrn'
        divisor = config.encoder_divisor
        self.taps_first = config.spf_tap == 'first'
        in_channels = _STEM_WIDTH // divisor
        self.conv1 = nn.Conv2d(
            config.input_channels, in_channels, 7, 2, padding=4 if is_fcrn else 3, bias=is_fcrn)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.pool = nn.MaxPool2d(3, 2, padding=0 if is_fcrn else 1)
        self.stages = nn.ModuleList()
        for width, count, stride in _STAGES:
            blocks: list[nn.Module] = []
            for index in range(count):
                blocks.append(ResNetBlock(
                    in_channels, width // divisor, 1 if index else stride, strides_first=is_fcrn))
                in_channels = EXPANSION * width // divisor
            self.stages.append(nn.Sequential(*blocks))
        self.channels = tuple(EXPANSION * width // divisor for width, _, _ in _STAGES)

    def forward(self, images: Tensor) -> list[Tensor]:
        """
        Encode (B, C, H, W) images.

        Returns:
            The four maps that are tapped, and the last stage's output where that is another.
        """
        features = self.pool(torch.relu(self.bn1(self.conv1(images))))
        maps = []
        for stage in self.stages:
            blocks: Any = stage
            features = blocks[0](features)
            first = features
            for block in blocks[1:]:
                features = block(features)
            maps.append(first if self.taps_first else features)
        return [*maps, features] if self.taps_first else maps


def make_encoder(config: GadConfig) -> ResNet50Encoder | EfficientNetLite0Encoder:
    """Build the encoder of a configuration, with random weights."""
    return EfficientNetLite0Encoder() if config.encoder == 'lite0' else ResNet50Encoder(config)
