"""What the network sees in the image: a feature volume, and class scores of the pixels."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.inputs import AmmnetInputs
from ssc_ros.models.ammnet.stem import voxel_stem
from ssc_ros.models.layers.projection import (
    fill_holes,
    sample_features,
    scatter_to_volume,
    visible_voxels,
)


class ImageEncoder(Protocol):
    """
    A module that maps images to features, finest first.

    Attributes:
        channels: of each map that it returns.
    """

    channels: tuple[int, ...]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Map a (B, 3, H, W) image to one map per entry of ``channels``."""


def make_encoder(config: AmmnetConfig) -> nn.Module:
    """Build the :class:`ImageEncoder` of a configuration, with random weights."""
    if config.encoder == 'segformer-b2':
        from ssc_ros.models.ammnet.segformer import SegformerEncoder
        return SegformerEncoder(config.drop_path)
    if config.encoder == 'resnet50':
        from ssc_ros.models.layers.dilated_resnet50 import ResNet50Encoder
        return ResNet50Encoder()
    from ssc_ros.models.layers.efficientnet_lite0 import EfficientNetLite0Encoder
    return EfficientNetLite0Encoder()


class PyramidHead(nn.Module):
    """SegFormer's head: maps of all scales, projected, resized to the finest and joined."""

    align_corners = False  # of the resize to the image

    def __init__(self, channels: tuple[int, ...], features: int, config: AmmnetConfig) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(count, features) for count in channels)
        self.dropout = nn.Dropout(config.image_dropout)
        self.fuse = nn.Conv2d(len(channels) * features, features, 1, bias=False)
        self.norm = nn.BatchNorm2d(features)
        self.classify = nn.Conv2d(features, config.num_classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map (B, C_i, h_i, w_i), finest first, to (B, F, h_0, w_0)."""
        size = maps[0].shape[-2:]
        projected = [
            project(each.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            for project, each in zip(self.projections, maps, strict=True)]
        resized = [projected[0], *(
            F.interpolate(each, size, mode='bilinear', align_corners=False)
            for each in projected[1:])]
        joined = self.dropout(torch.cat(resized[::-1], dim=1))
        return torch.relu(self.norm(self.fuse(joined)))


class SingleHead(nn.Module):
    """3D-Sketch's head: one map, projected."""

    align_corners = True

    def __init__(self, channels: tuple[int, ...], features: int, config: AmmnetConfig) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(channels[-1], features, 1, bias=False)
        self.norm = nn.BatchNorm2d(features)
        self.classify = nn.Conv2d(features, config.num_classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map the last of (B, C, h, w) to (B, F, h, w)."""
        return torch.relu(self.norm(self.fuse(maps[-1])))


class ImageBranch(nn.Module):
    """Encoder, head and projection of colour images."""

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config).requires_grad_(not config.freezes_encoder)
        channels: tuple[int, ...] = self.encoder.channels  # type: ignore[assignment]
        head = SingleHead if len(channels) == 1 else PyramidHead
        self.head = head(channels, config.feature_channels, config)

    def train(self, mode: bool = True) -> ImageBranch:
        """Train, but leave the batch statistics of a frozen encoder as they were loaded."""
        super().train(mode)
        if self.config.freezes_encoder:
            for module in self.encoder.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def features(self, image: Tensor) -> Tensor:
        """Map a (B, 3, H, W) image to features (B, F, h, w)."""
        if self.config.image_stride > 1:
            image = F.avg_pool2d(image, self.config.image_stride)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freezes_encoder):
            maps = self.encoder(image)
        features: Tensor = self.head(maps)
        return features

    def project(
        self, features: Tensor, pixel_of_voxel: Tensor, image_size: tuple[int, int],
        grid_shape: tuple[int, int, int],
    ) -> Tensor:
        """Return the volume (B, F, X, Y, Z) of features (B, F, h, w), at the trunk's stride."""
        visible = visible_voxels(pixel_of_voxel, image_size[0] * image_size[1])
        values = sample_features(
            features, visible, image_size, align_corners=self.head.align_corners)
        return scatter_to_volume(
            values, visible, len(features), grid_shape, stride=self.config.trunk_stride)

    def volume(self, inputs: AmmnetInputs) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Return the filled volume, the features (B, F, h, w) it is made of and the image size."""
        if inputs.image is None:
            raise ConfigurationError(
                f'configuration {self.config.name!r} reads images, but image is None')
        features = self.features(inputs.image)
        height, width = inputs.image.shape[-2:]
        x, y, z = inputs.tsdf.shape[-3:]
        volume = self.project(features, inputs.pixel_of_voxel, (height, width), (x, y, z))
        filled = fill_holes(volume) if self.config.fills_holes else volume
        return filled, features, (height, width)

    def forward(self, inputs: AmmnetInputs) -> tuple[Tensor, Tensor | None]:
        """Return the filled feature volume and class scores (B, num_classes, H, W)."""
        volume, features, size = self.volume(inputs)
        scores = F.interpolate(
            self.head.classify(features), size, mode='bilinear', align_corners=True)
        return volume, scores


class LabelBranch(nn.Module):
    """Projection of label maps of another network, and convolutions over their volume."""

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = voxel_stem(config, config.label_map_classes)

    def project(self, inputs: AmmnetInputs) -> Tensor:
        """Return the one-hot volume (B, label_map_classes, X, Y, Z); unseen voxels are zero."""
        labels = inputs.label_map
        if labels is None:
            raise ConfigurationError(
                f'configuration {self.config.name!r} reads label maps, but label_map is None')
        x, y, z = inputs.tsdf.shape[-3:]
        visible = visible_voxels(inputs.pixel_of_voxel, labels.shape[-2] * labels.shape[-1])
        seen = labels.flatten(1)[visible.sample, visible.pixel].long()
        values = F.one_hot(seen, self.config.label_map_classes).to(inputs.tsdf.dtype)
        return scatter_to_volume(
            values, visible, len(labels), (x, y, z), stride=self.config.trunk_stride)

    def volume(self, inputs: AmmnetInputs) -> tuple[Tensor]:
        """Return the feature volume."""
        volume: Tensor = self.stem(self.project(inputs))
        return (fill_holes(volume) if self.config.fills_holes else volume,)

    def forward(self, inputs: AmmnetInputs) -> tuple[Tensor, None]:
        """Return the feature volume; there are no scores of pixels."""
        return self.volume(inputs)[0], None
