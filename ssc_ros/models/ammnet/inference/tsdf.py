"""The depth branch, which hands its features out by parity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.models.ammnet.tsdf_encoder import TsdfEncoder
from ssc_ros.models.layers.block_mean import BlockMean
from ssc_ros.models.layers.bottleneck3d import Bottleneck3D
from ssc_ros.models.layers.linear import linear, matrix_of
from ssc_ros.models.layers.parity_upsample import Parity, ParityUpsample, rows_of

_SLAB = 6  # planes of the stem's widest volume that exist at a time


class TsdfFeatures(nn.Module):
    """What ``TsdfEncoder`` computes; its batch norms are folded already."""

    def __init__(self, encoder: TsdfEncoder) -> None:
        super().__init__()
        *first, widen, _, _ = encoder.stem
        entry: Any = encoder.encode_middle[0]
        self.first = nn.Sequential(*first)
        self.widen: Any = widen
        self.entry: Bottleneck3D = entry
        self.reduce = linear(*matrix_of(entry.reduce))
        self.middle = nn.Sequential(*list(encoder.encode_middle)[1:])
        self.pool = BlockMean((2, 2, 2))
        self.coarse = encoder.encode_coarse
        self.up_middle = ParityUpsample(encoder.up_middle)
        self.up_full = ParityUpsample(encoder.up_full)

    def forward(self, tsdf: Tensor) -> Iterator[tuple[Parity, Tensor]]:
        """Yield features (B * X/2 * Y/2 * Z/2, F) of (B, 1, X, Y, Z), for each parity."""
        reduced, pooled = self._stem(tsdf)
        middle = self.middle(self.entry.finish(reduced, self.entry.shortcut[1](pooled)))
        raised = self.up_middle.whole(self.coarse(middle)).add_(middle)
        parities: Iterator[tuple[Parity, Tensor]] = self.up_full(raised)
        return parities

    def _stem(self, tsdf: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stem's result after the entry's first layer, and pooled by two."""
        features = F.pad(self.first(tsdf), (0, 0, 0, 0, 1, 1))
        reduced, pooled = [], []
        for start in range(0, tsdf.shape[2], _SLAB):
            slab = features[:, :, start:start + _SLAB + 2].contiguous(
                memory_format=torch.channels_last_3d)
            wide = F.conv3d(slab, self.widen.weight, self.widen.bias, padding=(0, 1, 1)).relu_()
            rows = self.reduce(rows_of(wide)).relu_()
            reduced.append(rows.view(len(wide), *wide.shape[2:], -1).permute(0, 4, 1, 2, 3))
            pooled.append(self.pool(wide))
        return torch.cat(reduced, dim=2), torch.cat(pooled, dim=2)
