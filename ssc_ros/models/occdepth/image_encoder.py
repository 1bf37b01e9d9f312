"""Image encoders: EfficientNet (transformers) and a small plain convolutional network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import EfficientNetConfig, EfficientNetModel

from ssc_ros.errors import ConfigurationError

# Name -> (width, depth, head channels), after Tan & Le, "EfficientNet", ICML 2019.
_EFFICIENTNETS = {
    'efficientnet-b0': (1.0, 1.0, 1280),
    'efficientnet-b3': (1.2, 1.4, 1536),
    'efficientnet-b4': (1.4, 1.8, 1792),
    'efficientnet-b5': (1.6, 2.2, 2048),
    'efficientnet-b7': (2.0, 3.1, 2560),
}
ENCODERS = (*_EFFICIENTNETS, 'plain')
# The decoder reads the ends of these stages, at 1/2, 1/4, 1/8 and 1/16 resolution.
_TAPPED_STAGES = (0, 1, 2, 4)


class SamePadding(nn.Module):
    """
    TensorFlow's SAME padding before an unpadded convolution of stride 2.

    The library pads by a fixed pattern that is right for even sizes only: a 185-row input would
    lose a row, and every deeper feature would be shifted.
    """

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size

    def forward(self, image: Tensor) -> Tensor:
        """Pad (B, C, H, W) so that the next convolution returns ceil(H / 2), ceil(W / 2)."""
        top, bottom = self._pad(image.shape[-2])
        left, right = self._pad(image.shape[-1])
        return F.pad(image, (left, right, top, bottom))

    def _pad(self, size: int) -> tuple[int, int]:
        total = max(((size + 1) // 2 - 1) * 2 + self.kernel_size - size, 0)
        return total // 2, total - total // 2


class EfficientNetEncoder(nn.Module):
    """
    EfficientNet of ``transformers`` behaving like the TensorFlow-ported original.

    Differences from the library's default: SAME padding that follows the input size, batch-norm
    momentum 0.1 (its 0.99 is the Keras convention), no drop connect, and the head convolution
    tapped before its norm and activation.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        width, depth, head_channels = _EFFICIENTNETS[name]
        self.model = EfficientNetModel(EfficientNetConfig(
            width_coefficient=width, depth_coefficient=depth, hidden_dim=head_channels,
            batch_norm_momentum=0.1, drop_connect_rate=0.0, dropout_rate=0.0))
        self._reset_parameters()
        self._pad_dynamically()
        blocks = self.model.encoder.blocks
        stage_ends = [index for index in range(len(blocks) - 1) if _opens_stage(blocks[index + 1])]
        self.taps = tuple(stage_ends[stage] for stage in _TAPPED_STAGES)
        self.channels = (
            3, *(blocks[tap].projection.project_conv.out_channels for tap in self.taps),
            head_channels)

    def _reset_parameters(self) -> None:
        # The library draws norm weights around zero, from which nothing trains.
        for module in self.model.modules():
            if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
                module.reset_parameters()

    def _pad_dynamically(self) -> None:
        self.model.embeddings.padding = SamePadding(3)
        for block in self.model.encoder.blocks:
            layer = block.depthwise_conv
            if layer.stride == 2:
                layer.depthwise_conv_pad = SamePadding(layer.depthwise_conv.kernel_size[0])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map a (B, 3, H, W) image to itself and features at 1/2, 1/4, 1/8, 1/16 and 1/32."""
        features = self.model.embeddings(image)
        tapped = [image]
        for index, block in enumerate(self.model.encoder.blocks):
            features = block(features)
            if index in self.taps:
                tapped.append(features)
        return [*tapped, self.model.encoder.top_conv(features)]


def _opens_stage(block: nn.Module) -> bool:
    return not block.projection.apply_dropout  # type: ignore[union-attr]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a residual; the first may halve the resolution."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels), nn.SiLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels))

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, ceil(H / stride), ceil(W / stride))."""
        return F.silu(self.body(image) + self.shortcut(image))


class PlainEncoder(nn.Module):
    """
    Five strided stages of ordinary 3x3 convolutions.

    For CPUs, where depthwise convolutions are memory bound: faster than EfficientNet-B0 there.
    """

    channels = (3, 16, 32, 64, 96, 128)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.SiLU())
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(in_channels, out_channels, stride=2),
                ResidualBlock(out_channels, out_channels))
            for in_channels, out_channels in zip(
                self.channels[1:], self.channels[2:], strict=False))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map a (B, 3, H, W) image to itself and features at 1/2, 1/4, 1/8, 1/16 and 1/32."""
        tapped = [image, self.stem(image)]
        for stage in self.stages:
            tapped.append(stage(tapped[-1]))
        return tapped


def make_encoder(name: str) -> EfficientNetEncoder | PlainEncoder:
    """Build an encoder of :data:`ENCODERS` with random weights."""
    if name not in ENCODERS:
        raise ConfigurationError(f'unknown image encoder {name!r}: choose one of {ENCODERS}')
    return PlainEncoder() if name == 'plain' else EfficientNetEncoder(name)


def as_channels_last(features: list[Tensor]) -> list[Tensor]:
    """Return the feature maps with the channels of a pixel contiguous in memory."""
    return [feature.contiguous(memory_format=torch.channels_last) for feature in features]
