"""The bottleneck block of ResNet-50."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EXPANSION = 4


class ResNetBlock(nn.Module):
    """
    1x1, 3x3 and 1x1 convolutions with a residual.

    Args:
        strides_first: the first 1x1 convolution has the stride, as in He et al. (CVPR 2016), and
            not the 3x3 one, as in most weights of today.
    """

    def __init__(
        self, in_channels: int, width: int, stride: int = 1, dilation: int = 1, *,
        strides_first: bool = False,
    ) -> None:
        super().__init__()
        channels = EXPANSION * width
        outer, inner = (stride, 1) if strides_first else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, width, 1, outer, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, inner, dilation, dilation, bias=False)
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
