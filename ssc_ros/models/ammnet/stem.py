"""First convolutions over a volume."""

from __future__ import annotations

from torch import nn

from ssc_ros.models.ammnet.config import AmmnetConfig


def voxel_stem(config: AmmnetConfig, in_channels: int, *, stride: int = 1) -> nn.Sequential:
    """
    Return 3x3x3 convolutions, each with batch norm and ReLU; the last has the stride.

    Their widths are 3, 64 and 256 as published; with ``trunk_stride`` 2, ``detail_channels`` and
    ``feature_channels``.
    """
    features = config.feature_channels
    widths = (3, features // 4, features) if config.trunk_stride == 1 else (
        config.detail_channels, features)
    layers: list[nn.Module] = []
    for index, width in enumerate(widths):
        step = stride if index == len(widths) - 1 else 1
        layers += [
            nn.Conv3d(in_channels, width, 3, step, 1, bias=False), nn.BatchNorm3d(width),
            nn.ReLU()]
        in_channels = width
    return nn.Sequential(*layers)
