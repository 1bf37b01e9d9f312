"""EfficientNet-Lite0 as an image encoder for robots."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ssc_ros.models.layers.same_padding import SamePadding

# As the TensorFlow original, whose momentum of 0.99 is 0.01 here.
NORM_EPS = 1e-3
NORM_MOMENTUM = 0.01
STEM_CHANNELS = 32

# Input images carry the ImageNet statistics, in grey levels; these weights were trained on
# (level - 127) / 128.
_IMAGE_MEAN = (123.675, 116.28, 103.53)
_IMAGE_STD = (58.395, 57.12, 57.375)
_LITE_MEAN, _LITE_STD = 127.0, 128.0


class Stage(NamedTuple):
    """One row of Table 1 of Tan & Le, "EfficientNet", ICML 2019; the first block has stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel_size: int


STAGES = (
    Stage(1, 16, 1, 1, 3), Stage(6, 24, 2, 2, 3), Stage(6, 40, 2, 2, 5), Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5), Stage(6, 192, 4, 2, 5), Stage(6, 320, 1, 1, 3))
# The last stages at 1/4, 1/8, 1/16 and 1/32 of the image.
TAPPED_STAGES = (1, 2, 4, 6)


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Return padding where it depends on the size, convolution, norm and activation."""
    same = [SamePadding(kernel_size)] if stride == 2 else []
    layers: list[nn.Module] = [
        *same,
        nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, groups=groups, bias=False,
                  padding=0 if same else kernel_size // 2),
        nn.BatchNorm2d(out_channels, eps=NORM_EPS, momentum=NORM_MOMENTUM)]
    return nn.Sequential(*layers, nn.ReLU6()) if activation else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, linear projection; without squeeze and excitation."""

    def __init__(
        self, in_channels: int, out_channels: int, *, expansion: int, kernel_size: int,
        stride: int,
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand: nn.Module = nn.Identity()
        if expansion != 1:
            self.expand = _convolution(in_channels, hidden, 1)
        self.depthwise = _convolution(hidden, hidden, kernel_size, stride=stride, groups=hidden)
        self.project = _convolution(hidden, out_channels, 1, activation=False)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, ceil(H / stride), ceil(W / stride))."""
        result: Tensor = self.project(self.depthwise(self.expand(features)))
        return result + features if self.is_residual else result


class EfficientNetLite0Encoder(nn.Module):
    """
    EfficientNet-Lite0: no squeeze and excitation, ReLU6, so that it quantises and runs well.

    Written from the published architecture (Tan & Le, 2019, and the notes of its Lite variants);
    3.4 million parameters. ``weights.convert.efficientnet_lite0`` reads ImageNet weights.

    Attributes:
        channels: of the four maps that ``forward`` returns.
    """

    channels: tuple[int, ...] = tuple(STAGES[index].channels for index in TAPPED_STAGES)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleList()
        in_channels = STEM_CHANNELS
        for stage in STAGES:
            blocks: list[nn.Module] = []
            for index in range(stage.blocks):
                blocks.append(InvertedResidual(
                    in_channels, stage.channels, expansion=stage.expansion,
                    kernel_size=stage.kernel_size, stride=1 if index else stage.stride))
                in_channels = stage.channels
            self.stages.append(nn.Sequential(*blocks))
        mean, std = torch.tensor(_IMAGE_MEAN), torch.tensor(_IMAGE_STD)
        self.scale: Tensor
        self.offset: Tensor
        self.register_buffer('scale', (std / _LITE_STD).view(3, 1, 1), persistent=False)
        self.register_buffer(
            'offset', ((mean - _LITE_MEAN) / _LITE_STD).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map a (B, 3, H, W) image with ImageNet statistics to maps at 1/4, 1/8, 1/16, 1/32."""
        features = self.stem(image * self.scale + self.offset)
        tapped = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in TAPPED_STAGES:
                tapped.append(features)
        return tapped
