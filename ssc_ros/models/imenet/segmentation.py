"""Coarse scores of pixels: Seg2DNet (Liu et al., SATNet, NeurIPS 2018) and what stands for it."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.layers.efficientnet_lite0 import EfficientNetLite0Encoder
from ssc_ros.models.layers.resnet_block import EXPANSION, ResNetBlock

_STEM_CHANNELS = 64
# Width, blocks, stride of the first block of ResNet-101.
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 23, 2), (512, 3, 2))
_PYRAMID_RATES = (1, 3, 5, 7)
_FEATURES = 64
_LITE_FEATURES = 64


class ResNetMaps(NamedTuple):
    """
    What the encoder sees of (B, 3, H, W).

    Attributes:
        stem: (B, 64, H/2, W/2).
        pooled: (B, 64, H/4, W/4).
        stages: 256, 512, 1024, 2048 channels at 1/4, 1/8, 1/16, 1/32.
    """

    stem: Tensor
    pooled: Tensor
    stages: tuple[Tensor, ...]


class ResNet101Encoder(nn.Module):
    """ResNet-101 with random weights, under the names of torchvision but for its stages."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _STEM_CHANNELS, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM_CHANNELS)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.stages = nn.ModuleList()
        in_channels = _STEM_CHANNELS
        for width, count, stride in _STAGES:
            blocks: list[nn.Module] = []
            for index in range(count):
                blocks.append(ResNetBlock(in_channels, width, 1 if index else stride))
                in_channels = EXPANSION * width
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> ResNetMaps:
        """Encode (B, 3, H, W)."""
        stem = torch.relu(self.bn1(self.conv1(image)))
        features = pooled = self.pool(stem)
        stages = []
        for stage in self.stages:
            features = stage(features)
            stages.append(features)
        return ResNetMaps(stem, pooled, tuple(stages))


class DenseUpsampling(nn.Sequential):
    """DUC (Wang et al., WACV 2018): (B, in, H, W) to (B, out / 4, 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels), nn.ReLU(), nn.PixelShuffle(2))


class Seg2DNet(nn.Module):
    """ResNet-101, dense upsampling and a sum of dilated convolutions, from one image."""

    reads: ClassVar[tuple[str, ...]] = ('image',)

    def __init__(self, num_classes: int = 12) -> None:
        super().__init__()
        self.encoder = ResNet101Encoder()
        self.raise_stages = nn.ModuleList(
            DenseUpsampling(channels, 2 * channels) for channels in (2048, 1024, 512))
        self.join = nn.Conv2d(256 + _STEM_CHANNELS, 128, 1)
        self.raise_half = DenseUpsampling(128, 256)
        self.raise_full = DenseUpsampling(64, 128)
        self.pyramid = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(32, _FEATURES, 3, padding=rate, dilation=rate, bias=False),
                nn.BatchNorm2d(_FEATURES))
            for rate in _PYRAMID_RATES)
        self.classify = nn.Conv2d(_FEATURES, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')

    def features(self, image: Tensor) -> Tensor:
        """Map (B, 3, H, W), both multiples of 32, to (B, 64, H, W)."""
        maps = self.encoder(image)
        features = maps.stages[-1]
        for up, skip in zip(self.raise_stages, maps.stages[-2::-1], strict=True):
            features = up(features) + skip
        features = self.join(torch.cat([features, maps.pooled], dim=1))
        features = self.raise_full(self.raise_half(features) + maps.stem)
        first, *rest = self.pyramid
        total = first(features)
        for branch in rest:
            total = total + branch(features)
        return torch.relu(total)

    def forward(self, image: Tensor) -> Tensor:
        """Return class scores (B, num_classes, H, W)."""
        scores: Tensor = self.classify(self.features(image))
        return scores


class Seg2DNetRgbd(nn.Module):
    """Two such networks, one for colours and one for HHA, joined before their classifiers."""

    reads: ClassVar[tuple[str, ...]] = ('image', 'hha')

    def __init__(self, num_classes: int = 12) -> None:
        super().__init__()
        self.color, self.depth = self._headless(), self._headless()
        self.fuse = nn.Sequential(
            nn.BatchNorm2d(2 * _FEATURES), nn.ReLU(),
            nn.Conv2d(2 * _FEATURES, _FEATURES, 1, bias=False),
            nn.BatchNorm2d(_FEATURES), nn.ReLU())
        self.classify = nn.Conv2d(_FEATURES, num_classes, 1)

    @staticmethod
    def _headless() -> Seg2DNet:
        network = Seg2DNet()
        del network.classify
        return network

    def forward(self, image: Tensor, hha: Tensor) -> Tensor:
        """Return class scores (B, num_classes, H, W)."""
        both = torch.cat([self.color.features(image), self.depth.features(hha)], dim=1)
        scores: Tensor = self.classify(self.fuse(both))
        return scores


class Lite0Segmentation(nn.Module):
    """EfficientNet-Lite0 and a feature pyramid, for robots; scores are enlarged from 1/4."""

    reads: ClassVar[tuple[str, ...]] = ('image',)

    def __init__(self, num_classes: int = 12) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0Encoder()
        self.laterals = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, _LITE_FEATURES, 1, bias=False),
                nn.BatchNorm2d(_LITE_FEATURES))
            for channels in self.encoder.channels)
        self.refine = nn.Sequential(
            nn.Conv2d(_LITE_FEATURES, _LITE_FEATURES, 3, padding=1, bias=False),
            nn.BatchNorm2d(_LITE_FEATURES), nn.ReLU())
        self.classify = nn.Conv2d(_LITE_FEATURES, num_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return class scores (B, num_classes, H, W)."""
        finest, *coarser = (
            lateral(each)
            for lateral, each in zip(self.laterals, self.encoder(image), strict=True))
        total = coarser[-1]
        for each in (*coarser[-2::-1], finest):
            total = each + F.interpolate(
                total, each.shape[-2:], mode='bilinear', align_corners=False)
        scores = self.classify(self.refine(torch.relu(total)))
        return F.interpolate(scores, image.shape[-2:], mode='bilinear', align_corners=False)


class LabelScores(nn.Module):
    """Scores of a label map that another network made: a learned row of scores for each id."""

    reads: ClassVar[tuple[str, ...]] = ('label_map',)

    def __init__(self, label_map_classes: int, num_classes: int = 12) -> None:
        super().__init__()
        self.scores = nn.Embedding(label_map_classes, num_classes)
        # A few steps shall decide the class of an id, not the draw of its first scores.
        nn.init.zeros_(self.scores.weight)

    def forward(self, label_map: Tensor) -> Tensor:
        """Map (B, H, W) ids to (B, num_classes, H, W)."""
        scores: Tensor = self.scores(label_map.long())
        return scores.permute(0, 3, 1, 2)


def make_image_network(config: ImenetConfig) -> Any:
    """
    Build the image network of a configuration, with random weights; None where it has none.

    Its ``reads`` names the fields of the inputs that its ``forward`` takes.
    """
    if config.image_network == 'none':
        return None
    if config.image_network == 'labels':
        return LabelScores(config.label_map_classes, config.num_classes)
    kinds: dict[str, type[Seg2DNet | Seg2DNetRgbd | Lite0Segmentation]] = {
        'seg2dnet': Seg2DNet, 'seg2dnet-rgbd': Seg2DNetRgbd, 'lite0': Lite0Segmentation}
    return kinds[config.image_network](config.num_classes)
