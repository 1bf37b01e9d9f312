"""Depth features: an encoder-decoder over the TSDF."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.stem import voxel_stem
from ssc_ros.models.layers.bottleneck3d import Upsample, bottleneck_group

_LAYERS_PER_CONV = 3


class TsdfEncoder(nn.Module):
    """
    Map a TSDF (B, 1, X, Y, Z) to features of the same resolution (AMMNet, Sec. 3.1).

    With ``trunk_stride`` 2 they have half the resolution, and the first convolution's, of the
    full one, are returned as well.
    """

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        unused = config.keeps_unused_parameters
        features, stride = config.feature_channels, config.trunk_stride
        self.stride = stride
        self.stem = voxel_stem(config, 1, stride=stride)
        # At half the resolution there is one halving less to do.
        self.encode_middle = bottleneck_group(
            features, features, stride=2 // stride, keeps_unused=unused)
        self.encode_coarse = bottleneck_group(features, 2 * features, keeps_unused=unused)
        self.up_middle = Upsample(2 * features, features)
        self.dropout = nn.Dropout(config.tsdf_dropout)
        self.up_full = Upsample(features, features) if stride == 1 else nn.Identity()

    def forward(self, tsdf: Tensor) -> tuple[Tensor, ...]:
        """Return features (B, F, X, Y, Z); or those of half the resolution, and fine ones."""
        if self.stride == 1:
            return (self._encode(self.stem(tsdf)),)
        detail = self.stem[:_LAYERS_PER_CONV](tsdf)
        return self._encode(self.stem[_LAYERS_PER_CONV:](detail)), detail

    def _encode(self, volume: Tensor) -> Tensor:
        middle = self.encode_middle(volume)
        raised = self.dropout(self.up_middle(self.encode_coarse(middle))) + middle
        features: Tensor = self.up_full(raised)
        return features
