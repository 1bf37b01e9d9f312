"""The lightweight discriminator that tells completed scenes from true ones."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.layers.bottleneck3d import Bottleneck3D

_STRIDE = 12


class Discriminator(nn.Module):
    """
    Class volume in, one logit out, high = true (AMMNet, Sec. 3.3).

    It takes whole grids only: its classifier is fully connected.
    """

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        unused = config.keeps_unused_parameters
        self.entry = nn.Conv3d(config.num_classes, 64, 1, bias=False)
        self.blocks = nn.Sequential(
            Bottleneck3D(64, 16, 64, stride=2),
            Bottleneck3D(64, 16, 128, stride=2),
            Bottleneck3D(128, 32, 128, stride=3),
            Bottleneck3D(128, 32, 128, keeps_unused=unused),
        )
        x, y, z = (length // _STRIDE for length in config.grid_shape)
        self.embed = nn.Linear(128 * x * y * z, 128)
        self.judge = nn.Linear(128, 1)

    def forward(self, scores: Tensor) -> Tensor:
        """Return (B, 1) logits of (B, num_classes, X, Y, Z) scores or one-hot labels."""
        features = self.blocks(self.entry(scores)).flatten(1)
        logit: Tensor = self.judge(self.embed(features).relu())
        return logit
