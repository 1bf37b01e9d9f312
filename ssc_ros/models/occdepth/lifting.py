"""Lifting of image features to voxels: gather at projected centres, then fuse the views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Fusion = Literal['sfa', 'mean', 'concat']
Gather = Literal['nearest', 'bilinear']
_COSINE_EPSILON = 1e-8


def gather_nearest(features: Tensor, pixels: Tensor, scale: int) -> Tensor:
    """
    Look features up at full-resolution pixels, without interpolation.

    Args:
        features: (M, C, h, w) maps at 1/scale of the image.
        pixels: (M, N, 2) integer u, v of the full-resolution image; any value is safe.

    Returns:
        (M, N, C)
    """
    height, width = features.shape[-2:]
    column = torch.div(pixels[..., 0], scale, rounding_mode='floor').clamp(0, width - 1).long()
    row = torch.div(pixels[..., 1], scale, rounding_mode='floor').clamp(0, height - 1).long()
    cells = row * width + column + _row_offsets(features)
    return _rows(features).index_select(0, cells.flatten()).view(*pixels.shape[:2], -1)


def gather_bilinear(features: Tensor, pixels: Tensor, scale: int) -> Tensor:
    """Like :func:`gather_nearest`, for real-valued pixels, interpolating; borders repeat."""
    height, width = features.shape[-2:]
    position = (pixels.float() + 0.5) / scale - 0.5
    column = position[..., 0].nan_to_num().clamp(0, width - 1)
    row = position[..., 1].nan_to_num().clamp(0, height - 1)
    left, top = column.floor(), row.floor()
    to_right, to_bottom = column - left, row - top
    weights = torch.stack([
        (1 - to_right) * (1 - to_bottom), to_right * (1 - to_bottom),
        (1 - to_right) * to_bottom, to_right * to_bottom], dim=-1)
    upper_left = top.long() * width + left.long()
    # At the last column and row the neighbour has weight 0: any valid index will do.
    right = (left < width - 1).long()
    below = (top < height - 1).long() * width
    cells = torch.stack([
        upper_left, upper_left + right, upper_left + below, upper_left + below + right], dim=-1)
    rows = _rows(features)
    cells = cells + _row_offsets(features)[:, None]
    gathered = F.embedding_bag(
        cells.flatten(0, 1), rows, per_sample_weights=weights.flatten(0, 1).to(rows.dtype),
        mode='sum')
    return gathered.view(*pixels.shape[:2], -1)


def _rows(features: Tensor) -> Tensor:
    """View (M, C, h, w) maps as (M h w, C): the features of a pixel are one row."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _row_offsets(features: Tensor) -> Tensor:
    """Return (M, 1) row numbers at which the maps begin."""
    maps, _, height, width = features.shape
    return torch.arange(maps, device=features.device)[:, None] * (height * width)


def cosine_similarity(first: Tensor, second: Tensor) -> Tensor:
    """
    Cosine over the last axis in float32; 0, with finite gradients, where a vector is zero.

    >>> cosine_similarity(torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0])).item()
    0.9600000381469727
    """
    first, second = first.float(), second.float()
    squared_norms = first.square().sum(-1) * second.square().sum(-1)
    return (first * second).sum(-1) * squared_norms.clamp_min(_COSINE_EPSILON**2).rsqrt()


def stereo_soft_feature_assignment(
    features: Tensor, in_view: Tensor, *, single_view_scale: float,
) -> Tensor:
    """
    Fuse the views of each voxel, weighting agreement by cosine (OccDepth, Eq. 2 and 3).

    Args:
        features: (B, V, N, C) gathered features.
        in_view: (B, V, N) bool.
        single_view_scale: weight of a feature seen by one view of two: 1 in the paper, 0.5 in
            the official code.

    Returns:
        (B, N, C); one view alone passes unweighted, zero where no view sees the voxel.
    """
    views = features.shape[1]
    masks = in_view[..., None].to(features.dtype)
    if views == 1:
        return features[:, 0] * masks[:, 0]
    fused = torch.zeros_like(features[:, 0])
    for i in range(views):
        for j in range(i + 1, views):
            both = masks[:, i] * masks[:, j]
            cosine = cosine_similarity(features[:, i], features[:, j])[..., None]
            agreement = cosine.to(features.dtype) * both
            # The official code halves single views with everything else; undo that by choice.
            weight_i = agreement + (masks[:, i] - both) * (2.0 * single_view_scale)
            weight_j = agreement + (masks[:, j] - both) * (2.0 * single_view_scale)
            fused = fused + weight_i * features[:, i] + weight_j * features[:, j]
    return fused / (views * (views - 1))


def mean_of_visible_views(features: Tensor, in_view: Tensor) -> Tensor:
    """Average (B, V, N, C) over the views that see the voxel, zero where none does."""
    masks = in_view[..., None].to(features.dtype)
    return (features * masks).sum(1) / masks.sum(1).clamp_min(1.0)


class VoxelLifting(nn.Module):
    """
    Sum over the scales of fused, gathered image features.

    Args:
        feature_channels: C.
        fusion: ``sfa``, or the paper's ablations ``mean`` and ``concat`` (followed by a
            convolution back to C).
        gather: ``nearest`` as published; ``bilinear`` keeps the sub-pixel disparity.
        single_view_scale: see :func:`stereo_soft_feature_assignment`.
        views: number of views, real or virtual.
    """

    def __init__(
        self, feature_channels: int, *, fusion: Fusion, gather: Gather,
        single_view_scale: float, views: int,
    ) -> None:
        super().__init__()
        self.fusion = fusion
        self.gather = gather_bilinear if gather == 'bilinear' else gather_nearest
        self.single_view_scale = single_view_scale
        if fusion == 'concat':
            self.reduction = nn.Linear(views * feature_channels, feature_channels)

    def forward(
        self, pyramid: Mapping[int, Tensor], pixels: Tensor, in_view: Tensor,
        shape: tuple[int, int, int],
    ) -> Tensor:
        """
        Lift a feature pyramid.

        Args:
            pyramid: {scale: (B, V, C, h, w)}.
            pixels: (B, V, N, 2) u, v at full resolution, N in C order of ``shape``.
            in_view: (B, V, N) bool.

        Returns:
            (B, C, X, Y, Z)
        """
        lifted = None
        for scale, features in pyramid.items():
            gathered = self.gather(features.flatten(0, 1), pixels.flatten(0, 1), scale)
            fused = self._fuse(gathered.view(*in_view.shape, -1), in_view)
            lifted = fused if lifted is None else lifted + fused
        assert lifted is not None
        return lifted.view(lifted.shape[0], *shape, -1).permute(0, 4, 1, 2, 3)

    def _fuse(self, features: Tensor, in_view: Tensor) -> Tensor:
        if self.fusion == 'mean':
            return mean_of_visible_views(features, in_view)
        if self.fusion == 'concat':
            visible = features * in_view[..., None].to(features.dtype)
            reduced: Tensor = self.reduction(visible.transpose(1, 2).flatten(2))
            return reduced
        return stereo_soft_feature_assignment(
            features, in_view, single_view_scale=self.single_view_scale)
