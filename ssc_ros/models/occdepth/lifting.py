"""Lifting of image features to voxels: gather at projected centres, then fuse the views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ssc_ros.models.layers.exporting import is_exporting
from ssc_ros.models.occdepth.gathering import Gather, Lookup, feature_rows, make_lookup

Fusion = Literal['sfa', 'mean', 'concat']
_COSINE_EPSILON = 1e-8
# Voxels per step on a CPU: their features of both views stay in its second-level cache.
_CPU_STEP = 4096


def cosine_similarity(first: Tensor, second: Tensor) -> Tensor:
    """
    Cosine over the last axis; 0, with finite gradients, where a vector is zero.

    >>> cosine_similarity(torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0]))
    tensor(0.9600)
    """
    squared_norms = first.square().sum(-1) * second.square().sum(-1)
    return (first * second).sum(-1) * _inverse_norms(squared_norms)


def _inverse_norms(squared_norms: Tensor) -> Tensor:
    # Where a feature vanishes the cosine is undefined and its gradient would explode: no weight.
    safe = squared_norms.clamp_min(_COSINE_EPSILON**2).rsqrt()
    return torch.where(squared_norms > _COSINE_EPSILON**2, safe, torch.zeros_like(safe))


def fuse_two_views(
    left: Tensor, right: Tensor, seen_left: Tensor, seen_right: Tensor, *,
    single_view_scale: float = 1.0, weigh_by_cosine: bool = True,
) -> Tensor:
    """
    Stereo soft feature assignment (OccDepth, Eq. 2): agreeing views reinforce each other.

    Args:
        left, right: (..., C) features of the same voxels.
        seen_left, seen_right: (...) 1 where the voxel is in view, else 0.
        single_view_scale: weight of a feature seen by one view: 1 in the paper, 0.5 in the
            official code.
        weigh_by_cosine: False for plain averaging of what is seen.

    >>> left, right = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]])
    >>> fuse_two_views(left, right, torch.ones(1), torch.ones(1))
    tensor([[3.3600, 3.3600]])
    """
    both = 0.5 * seen_left * seen_right
    if weigh_by_cosine:
        both = both * cosine_similarity(left, right)
    weight_left = both + single_view_scale * seen_left * (1 - seen_right)
    weight_right = both + single_view_scale * seen_right * (1 - seen_left)
    return weight_left[..., None] * left + weight_right[..., None] * right


class _StereoLifting(torch.autograd.Function):
    """
    Gather, fuse and sum over scales in cache-sized steps, gathering again for the gradient.

    Plain autograd would keep every gathered feature of every scale, which for a room of 130,000
    voxels is slower by memory traffic alone.
    """

    @staticmethod
    def forward(
        ctx: Any, seen: Tensor, lookups: list[Lookup], options: dict[str, Any], *rows: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(seen, *rows)
        ctx.lookups, ctx.options = lookups, options
        return _lift_stereo(seen, lookups, options, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        seen, *rows = ctx.saved_tensors
        gradient_rows = [torch.zeros_like(table) for table in rows]
        for part in _parts(seen):
            gradient = gradients[0][part].contiguous()
            for lookup, table, into in zip(ctx.lookups, rows, gradient_rows, strict=True):
                left, right = (lookup.take(table, view, part) for view in range(2))
                for view, value in enumerate(_fusion_gradient(
                        gradient, left, right, *seen[:, part], **ctx.options)):
                    lookup.scatter_add(into, view, part, value)
        return None, None, None, *gradient_rows


def _lift_stereo(
    seen: Tensor, lookups: list[Lookup], options: dict[str, Any], rows: tuple[Tensor, ...],
) -> Tensor:
    lifted = []
    for part in _parts(seen):
        fused = [
            fuse_two_views(
                *(lookup.take(table, view, part) for view in range(2)), *seen[:, part], **options)
            for lookup, table in zip(lookups, rows, strict=True)]
        lifted.append(torch.stack(fused).sum(0))
    return torch.cat(lifted)


def _parts(seen: Tensor) -> Iterator[slice]:
    """Cut the voxels of (V, M) masks into steps, at least one even where none is in view."""
    voxels = seen.shape[1]
    if seen.is_cuda or is_exporting():
        return iter((slice(None),))
    return (slice(start, start + _CPU_STEP) for start in range(0, max(voxels, 1), _CPU_STEP))


def _fusion_gradient(
    gradient: Tensor, left: Tensor, right: Tensor, seen_left: Tensor, seen_right: Tensor, *,
    single_view_scale: float, weigh_by_cosine: bool,
) -> tuple[Tensor, Tensor]:
    """Return the gradients of :func:`fuse_two_views` by its left and right features."""
    both = 0.5 * seen_left * seen_right
    only_left = single_view_scale * seen_left * (1 - seen_right)
    only_right = single_view_scale * seen_right * (1 - seen_left)
    if not weigh_by_cosine:
        return (both + only_left)[:, None] * gradient, (both + only_right)[:, None] * gradient
    norm_left, norm_right = left.square().sum(-1), right.square().sum(-1)
    inverse = _inverse_norms(norm_left * norm_right)
    cosine = (left * right).sum(-1) * inverse
    # d fused / d cosine, then d cosine / d left = right / norms - cosine left / |left|^2.
    by_cosine = both * (gradient * (left + right)).sum(-1)
    shrink = by_cosine * cosine
    across = (by_cosine * inverse)[:, None]
    result = []
    for own, other, norm, only in (
            (left, right, norm_left, only_left), (right, left, norm_right, only_right)):
        along = torch.where(inverse > 0, shrink / norm, torch.zeros_like(norm))[:, None]
        weight = (both * cosine + only)[:, None]
        result.append((gradient * weight).addcmul_(across, other).addcmul_(along, own, value=-1))
    return result[0], result[1]


class VoxelLifting(nn.Module):
    """
    Sum over the scales of fused, gathered image features.

    Args:
        feature_channels: C.
        fusion: ``sfa``, or the paper's ablations ``mean`` and ``concat`` (followed by a
            projection back to C).
        gather: see :func:`~ssc_ros.models.occdepth.gathering.make_lookup`.
        single_view_scale: see :func:`fuse_two_views`; for ``sfa``.
        views: 1 or 2, the virtual one included; one view is not weighted.
    """

    def __init__(
        self, feature_channels: int, *, fusion: Fusion, gather: Gather,
        single_view_scale: float, views: int,
    ) -> None:
        super().__init__()
        self.gather: Gather = gather
        self.views = views
        self.options = {'single_view_scale': single_view_scale, 'weigh_by_cosine': True}
        if fusion == 'mean':
            self.options = {'single_view_scale': 1.0, 'weigh_by_cosine': False}
        self.reduction = (
            nn.Linear(views * feature_channels, feature_channels) if fusion == 'concat' else None)

    def forward(
        self, pyramid: Mapping[int, Tensor], pixels: Tensor, in_view: Tensor,
        shape: tuple[int, int, int],
    ) -> Tensor:
        """
        Lift a feature pyramid, in float32.

        Args:
            pyramid: {scale: (B, V, C, h, w)}.
            pixels: (B, V, N, 2) u, v at full resolution, N in C order of ``shape``.
            in_view: (B, V, N) bool.

        Returns:
            (B, C, X, Y, Z) in the dtype of the pyramid; 0 where no view sees the voxel.
        """
        first = next(iter(pyramid.values()))
        batch, views, voxels = in_view.shape
        seen = in_view.transpose(0, 1).flatten(1)
        places = pixels.transpose(0, 1).flatten(1, 2)
        maps = torch.arange(batch * views, device=seen.device).view(batch, views, 1)
        maps = maps.expand_as(in_view).transpose(0, 1).flatten(1)
        # A third or more of a box is out of view: leave it out of all that follows, except in an
        # exported graph, whose shapes must not depend on data.
        visible = None if is_exporting() else seen.any(0).nonzero()[:, 0]
        if visible is not None:
            seen, places, maps = (table[:, visible] for table in (seen, places, maps))
        lookups = [
            make_lookup(places, maps, (level.shape[-2], level.shape[-1]), scale, self.gather)
            for scale, level in pyramid.items()]
        rows = tuple(feature_rows(level).float() for level in pyramid.values())
        with torch.autocast(first.device.type, enabled=False):
            lifted = self._lift(seen.float(), lookups, rows).to(first.dtype)
        if visible is not None:
            everywhere = lifted.new_zeros(batch * voxels, lifted.shape[1])
            lifted = everywhere.index_copy(0, visible, lifted)
        volume = lifted.view(batch, *shape, -1).permute(0, 4, 1, 2, 3)
        # Backward convolutions on a CPU are a quarter faster with contiguous channels.
        return volume.contiguous() if self.training else volume

    def _lift(self, seen: Tensor, lookups: list[Lookup], rows: tuple[Tensor, ...]) -> Tensor:
        if self.reduction is None and self.views == 2:
            if torch.is_grad_enabled() and any(table.requires_grad for table in rows):
                lifted: Tensor = _StereoLifting.apply(  # type: ignore[no-untyped-call]
                    seen, lookups, self.options, *rows)
                return lifted
            return _lift_stereo(seen, lookups, self.options, rows)
        # The order of linear steps is free: sum the scales of each view, then join the views.
        views = [
            seen[view, :, None] * torch.stack([
                lookup.take(table, view, slice(None))
                for lookup, table in zip(lookups, rows, strict=True)]).sum(0)
            for view in range(self.views)]
        if self.reduction is None:
            return views[0]
        reduced: Tensor = self.reduction(torch.cat(views, dim=-1)) * seen.amax(0)[:, None]
        return reduced
