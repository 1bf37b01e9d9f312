"""ResNet-50 with a deep stem and a dilated last stage, as 3D-Sketch uses it (CVPR 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_EXPANSION = 4
# Input channels, channels, stride.
_STEM = ((3, 64, 2), (64, 64, 1), (64, 128, 1))
# Width, stride of the first block, dilation of each block's 3x3 kernel.
_STAGES: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (64, 1, (1, 1, 1)),
    (128, 2, (1, 1, 1, 1)),
    (256, 2, (1, 1, 1, 1, 1, 1)),
    (512, 1, (2, 4, 8)),
)


class ResNetBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a residual."""

    def __init__(self, in_channels: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        channels = _EXPANSION * width
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False),
                nn.BatchNorm2d(channels))

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, 4 * width, H / stride, W / stride)."""
        features = torch.relu(self.bn1(self.conv1(image)))
        features = torch.relu(self.bn2(self.conv2(features)))
        return torch.relu(self.bn3(self.conv3(features)) + self.downsample(image))


class ResNet50Encoder(nn.Module):
    """ResNet-50 with random weights."""

    channels: tuple[int, ...] = (2048,)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for in_channels, channels, stride in _STEM:
            layers += [
                nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False),
                nn.BatchNorm2d(channels), nn.ReLU()]
        self.stem = nn.Sequential(*layers, nn.MaxPool2d(3, 2, 1))
        in_channels = 128
        self.stages = nn.ModuleList()
        for width, stride, dilations in _STAGES:
            blocks: list[nn.Module] = []
            for block, dilation in enumerate(dilations):
                blocks.append(
                    ResNetBlock(in_channels, width, 1 if block else stride, dilation))
                in_channels = _EXPANSION * width
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) to features at 1/16, 2048 channels."""
        features = self.stem(image)
        for stage in self.stages:
            features = stage(features)
        return [features]
