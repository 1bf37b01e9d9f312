"""ResNet-50 with a deep stem and a dilated last stage, as 3D-Sketch uses it (CVPR 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.layers.resnet_block import EXPANSION, ResNetBlock

# Input channels, channels, stride.
_STEM = ((3, 64, 2), (64, 64, 1), (64, 128, 1))
# Width, stride of the first block, dilation of each block's 3x3 kernel.
_STAGES: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (64, 1, (1, 1, 1)),
    (128, 2, (1, 1, 1, 1)),
    (256, 2, (1, 1, 1, 1, 1, 1)),
    (512, 1, (2, 4, 8)),
)


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
                in_channels = EXPANSION * width
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) to features at 1/16, 2048 channels."""
        features = self.stem(image)
        for stage in self.stages:
            features = stage(features)
        return [features]
