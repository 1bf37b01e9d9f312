"""The image branch: features of the voxels where they are not zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.image_branch import ImageBranch, LabelBranch, PyramidHead
from ssc_ros.models.ammnet.inference.sparse_volume import (
    VoxelRows,
    filled_voxels,
    split_by_parity,
    split_dense,
)
from ssc_ros.models.ammnet.inputs import AmmnetInputs
from ssc_ros.models.layers.linear import linear, matrix_of
from ssc_ros.models.layers.parity_upsample import Parity
from ssc_ros.models.layers.projection import sample_features, visible_voxels


class JoinedHead(nn.Module):
    """A pyramid head whose projections and fusion, both linear, are one layer per scale."""

    def __init__(self, head: PyramidHead) -> None:
        super().__init__()
        weight, bias = matrix_of(head.fuse)
        layers: list[Any] = list(head.projections)
        columns = weight.split(len(weight), dim=1)[::-1]  # the fusion takes the coarsest first
        total = bias + sum(part @ layer.bias for part, layer in zip(columns, layers, strict=True))
        self.projections = nn.ModuleList(
            linear(part @ layer.weight, None if index else total)
            for index, (part, layer) in enumerate(zip(columns, layers, strict=True)))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map (B, C_i, h_i, w_i), finest first, to (B, F, h_0, w_0)."""
        # Resizing commutes with the layers, whose bias enters once, at the finest scale.
        finest, *coarse = (
            project(each.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            for project, each in zip(self.projections, maps, strict=True))
        for each in coarse:
            finest = finest + F.interpolate(
                each, finest.shape[-2:], mode='bilinear', align_corners=False)
        return torch.relu_(finest)


class ImageVoxels(nn.Module):
    """Features of colour images."""

    def __init__(self, branch: ImageBranch) -> None:
        super().__init__()
        self.align_corners = branch.head.align_corners
        self.fills_holes = branch.config.fills_holes
        self.branch = branch
        if isinstance(branch.head, PyramidHead):
            branch.head = JoinedHead(branch.head)  # type: ignore[assignment]

    def forward(self, inputs: AmmnetInputs) -> Mapping[Parity, VoxelRows]:
        """Return the (filled) volume, by parity."""
        if inputs.image is None:
            raise ConfigurationError('this network reads images, but image is None')
        height, width = inputs.image.shape[-2:]
        x, y, z = inputs.tsdf.shape[-3:]
        visible = visible_voxels(inputs.pixel_of_voxel, height * width)
        features = self.branch.features(inputs.image)
        values = sample_features(
            features, visible, (height, width), align_corners=self.align_corners)
        index = torch.stack([
            visible.sample, visible.voxel // (y * z), visible.voxel // z % y, visible.voxel % z],
            dim=1)
        if self.fills_holes:
            index, values = filled_voxels(index, values, len(features), (x, y, z))
        return split_by_parity(index, values, (x, y, z))


class LabelVoxels(nn.Module):
    """Features of label maps, which are nowhere zero."""

    def __init__(self, branch: LabelBranch) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, inputs: AmmnetInputs) -> Mapping[Parity, VoxelRows]:
        """Return the volume, by parity."""
        return split_dense(self.branch(inputs)[0])
