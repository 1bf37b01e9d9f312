"""Context prior: relations between voxels and coarse cells (MonoScene, CVPR 2022, Sec. 3.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ssc_ros.models.layers.aspp3d import Aspp3D
from ssc_ros.models.layers.bottleneck3d import Process

NUM_RELATIONS = 4


class ContextPrior(nn.Module):
    """
    Refine the coarsest volume with the context of 2x2x2 mega cells.

    Args:
        channels: C of the volume.
        shape: (X, Y, Z) of the volume; an odd trailing slice has no mega cell.
        keeps_unused: see :class:`~ssc_ros.models.layers.bottleneck3d.Bottleneck3D`.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int, int], *, keeps_unused: bool = False,
    ) -> None:
        super().__init__()
        self.num_cells = math.prod(length // 2 for length in shape)
        self.aspp = Aspp3D(channels)
        pad_x, pad_y, pad_z = (1 - length % 2 for length in shape)
        self.cell_context = nn.Conv3d(
            channels, 2 * channels, 3, stride=2, padding=(pad_x, pad_y, pad_z))
        self.relations = nn.ModuleList(
            nn.Conv3d(channels, self.num_cells, 1) for _ in range(NUM_RELATIONS))
        self.reduce = nn.Conv3d((2 * NUM_RELATIONS + 1) * channels, channels, 1, bias=False)
        self.refine = Process(channels, (1,), keeps_unused=keeps_unused)

    def forward(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, X, Y, Z) to the same shape and relation logits (B, 4, cells, X Y Z)."""
        scene = self.aspp(volume)
        cells = self.cell_context(scene).flatten(2).transpose(1, 2)
        logits = [relation(scene).flatten(2) for relation in self.relations]
        contexts = [
            torch.bmm(torch.sigmoid(logit).transpose(1, 2).to(cells.dtype), cells)
            .transpose(1, 2).reshape(volume.shape[0], -1, *volume.shape[2:])
            for logit in logits]
        refined = self.refine(self.reduce(torch.cat([volume, *contexts], dim=1)))
        return refined, torch.stack(logits, dim=1)
