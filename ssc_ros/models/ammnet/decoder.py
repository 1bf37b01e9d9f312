"""From image and depth feature volumes to class scores of every voxel."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.fusion import make_fusions
from ssc_ros.models.layers.bottleneck3d import Bottleneck3D, Upsample, bottleneck_group


class VoxelDecoder(nn.Module):
    """Encoder-decoder that fuses depth features at up to three sites (AMMNet, Sec. 3.2)."""

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        unused = config.keeps_unused_parameters
        features, sites = config.feature_channels, config.fusion_sites
        self.fusions = make_fusions(config, features)
        self.encode_middle = bottleneck_group(features, features, keeps_unused=unused)
        self.encode_coarse = bottleneck_group(features, 2 * features, keeps_unused=unused)
        self.up_middle = Upsample(2 * features, features)
        self.up_full = Upsample(features, features)
        self.classify = nn.Sequential(
            nn.Dropout3d(config.voxel_dropout), nn.Conv3d(features, config.num_classes, 1))
        if 2 in sites or 3 in sites:
            # Twice down, once up.
            self.lower_depth = nn.Sequential(
                Bottleneck3D(features, features // 4, features, stride=2),
                Bottleneck3D(features, features // 4, 2 * features, stride=2),
                *Upsample(2 * features, features))
        if 3 in sites:
            self.raise_depth = Upsample(features, features)

    def forward(self, volume: Tensor, depth: Tensor) -> Tensor:
        """Return (B, num_classes, X, Y, Z) of two feature volumes (B, F, X, Y, Z)."""
        fused = self.fusions['1'](volume, depth) if '1' in self.fusions else volume + depth
        middle = self.encode_middle(fused)
        raised = self.up_middle(self.encode_coarse(middle)) + middle
        lower = self.lower_depth(depth) if hasattr(self, 'lower_depth') else None
        if '2' in self.fusions:
            raised = self.fusions['2'](raised, lower)
        raised = self.up_full(raised)
        if '3' in self.fusions:
            raised = self.fusions['3'](raised, self.raise_depth(lower))
        logits: Tensor = self.classify(raised)
        return logits


class HalfResolutionDecoder(nn.Module):
    """
    The decoder of ``trunk_stride`` 2: features meet at half the resolution.

    Only ``detail_channels`` are raised to the full one, where the third fusion takes the fine
    depth features that the TSDF stem computed there.
    """

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        unused = config.keeps_unused_parameters
        features, detail = config.feature_channels, config.detail_channels
        self.fusions = make_fusions(config, detail)
        self.encode_middle = bottleneck_group(features, features, stride=1, keeps_unused=unused)
        self.encode_coarse = bottleneck_group(features, 2 * features, keeps_unused=unused)
        self.up_middle = Upsample(2 * features, features)
        self.up_full = Upsample(features, detail)
        self.classify = nn.Sequential(
            nn.Dropout3d(config.voxel_dropout), nn.Conv3d(detail, config.num_classes, 1))

    def forward(self, volume: Tensor, depth: Tensor, detail: Tensor) -> Tensor:
        """
        Return (B, num_classes, X, Y, Z).

        Args:
            volume, depth: (B, F, X / 2, Y / 2, Z / 2).
            detail: (B, detail_channels, X, Y, Z) depth features.
        """
        fused = self.fusions['1'](volume, depth) if '1' in self.fusions else volume + depth
        middle = self.encode_middle(fused)
        raised = self.up_middle(self.encode_coarse(middle)) + middle
        if '2' in self.fusions:
            raised = self.fusions['2'](raised, depth)
        raised = self.up_full(raised)
        raised = self.fusions['3'](raised, detail) if '3' in self.fusions else raised + detail
        logits: Tensor = self.classify(raised)
        return logits
