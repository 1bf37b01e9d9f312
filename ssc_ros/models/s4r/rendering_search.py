"""Where rays meet the surface of a signed distance field."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssc_ros.models.s4r.rendering_config import RenderingConfig
from ssc_ros.models.s4r.rendering_corners import Corners, linear
from ssc_ros.models.s4r.rendering_rays import Rays

# So many samples are skipped together, and so many such groups are looked at before rays that
# found a surface are let go.
GROUP, GROUPS = 4, 6
# Samples of a group are at most 1.5 steps from its middle, a step is at most a voxel.
_GROUP_RADIUS = 2


class SearchVolume:
    """
    A field and the few cells in which a ray can find its surface.

    Args:
        sdf: (Z, Y, X) in voxels, positive in free space.
        valid: (Z, Y, X) bool.
        front_only: see :class:`RenderingConfig`.

    Attributes:
        values: (V,) sdf, not a number where it is not valid.
        endings: (V,) bool, of cells by their lowest corner: a sample in it may be behind a
            surface while the one before it, at most one cell away, is before that surface.
        near_endings: (V,) bool: such cells at most two cells away.
    """

    def __init__(self, sdf: Tensor, valid: Tensor, *, front_only: bool) -> None:
        self.shape = (sdf.shape[0], sdf.shape[1], sdf.shape[2])
        values = torch.where(valid, sdf, torch.nan)
        # Both carry on what is not a number, which is neither above nor below zero.
        is_before = _over_corners(values, torch.maximum) > 0
        is_behind = _over_corners(values, torch.minimum) < 0
        endings = is_behind & _grown(is_before, 1)
        if not front_only:
            endings |= is_before & _grown(is_behind, 1)
        # The last voxel of each axis starts no cell.
        padded = torch.zeros_like(valid)
        padded[:-1, :-1, :-1] = endings
        self.values = values.flatten()
        self.endings = padded.flatten()
        self.near_endings = _grown(padded, _GROUP_RADIUS).flatten()


def find_surfaces(volume: SearchVolume, rays: Rays, config: RenderingConfig) -> Tensor:
    """
    Return the distance of the first surface along each ray, 0 where there is none: (N,).

    Samples lie on the lattice of the rays. The first two in a row that are valid and of opposite
    sign are refined; where that meets a cell that is not valid, the march goes on. Gives what
    looking at every sample gives.
    """
    found = torch.zeros_like(rays.start)
    crossing_box = torch.where(rays.first < rays.last)[0]
    for block in crossing_box.split(config.rays_per_block):
        _search_block(volume, rays[block], block, found, config)
    return found


def _search_block(
    volume: SearchVolume, rays: Rays, where: Tensor, found: Tensor, config: RenderingConfig,
) -> None:
    """March front to back; write to ``found[where]``."""
    first = rays.first
    while len(rays):
        index, samples = _possible_endings(volume, rays, first)
        hit, distances = _first_hits(volume, rays, index, samples, config)
        found[where[hit]] = distances
        is_done = torch.zeros_like(first, dtype=torch.bool)
        is_done[hit] = True
        first = first + GROUP * GROUPS
        going_on = torch.where(~is_done & (first <= rays.last))[0]
        rays, where, first = rays[going_on], where[going_on], first[going_on]


def _possible_endings(
    volume: SearchVolume, rays: Rays, first: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return which rays (M,) may find a surface before which samples (M,), in their order."""
    device = first.device
    groups = first[:, None] + GROUP * torch.arange(GROUPS, dtype=torch.int32, device=device)
    end = torch.addcmul(rays.start, rays.last, rays.start.new_tensor(rays.step))[:, None]
    middles = _distances(rays, groups, (GROUP - 1) / 2).minimum(end)
    is_near = volume.near_endings.index_select(0, _cells(volume, rays.at(middles)))
    index, group = torch.where(is_near.view_as(groups) & (groups <= rays.last[:, None]))
    samples = groups[index, group][:, None] + torch.arange(
        GROUP, dtype=torch.int32, device=device)
    near_rays = rays[index]
    points = near_rays.at(_distances(near_rays, samples).minimum(end[index]))
    is_ending = volume.endings.index_select(0, _cells(volume, points)).view_as(samples)
    # The sample before the first one is outside.
    is_ending &= (samples > near_rays.first[:, None]) & (samples <= near_rays.last[:, None])
    which, member = torch.where(is_ending)
    return index[which], samples[which, member]


def _first_hits(
    volume: SearchVolume, rays: Rays, index: Tensor, samples: Tensor, config: RenderingConfig,
) -> tuple[Tensor, Tensor]:
    """Return the rays (H,) that found a surface, and its distance (H,)."""
    after = _values(volume, rays[index], samples)
    kept = torch.where(after < 0 if config.front_only else after != 0)[0]
    index, samples, after = (part.index_select(0, kept) for part in (index, samples, after))
    before = _values(volume, rays[index], samples - 1)
    # Not a number is neither.
    kept = torch.where(before * after < 0)[0]
    index, samples, before, after = (
        part.index_select(0, kept) for part in (index, samples, before, after))
    own_rays = rays[index]
    distances = _refined(
        volume, own_rays, (_distances(own_rays, samples - 1), before),
        (_distances(own_rays, samples), after), config.refinements)
    kept = torch.where(distances.isfinite())[0]
    index, distances = index[kept], distances[kept]
    is_first = torch.ones_like(index, dtype=torch.bool)
    is_first[1:] = index[1:] != index[:-1]
    return index[is_first], distances[is_first]


def _refined(
    volume: SearchVolume, rays: Rays, near: tuple[Tensor, Tensor], far: tuple[Tensor, Tensor],
    refinements: int,
) -> Tensor:
    """Return the last point of a regula falsi; not a number where a cell was not valid."""
    (near_at, near_value), (far_at, far_value) = near, far
    for _ in range(refinements):
        distances = near_at + near_value / (near_value - far_value) * (far_at - near_at)
        values = _interpolated(volume, rays, distances)
        is_near = values * near_value > 0
        near_at, far_at = (
            torch.where(is_near, distances, near_at), torch.where(is_near, far_at, distances))
        near_value, far_value = (
            torch.where(is_near, values, near_value), torch.where(is_near, far_value, values))
    return torch.where(values.isnan(), values, distances)


def _distances(rays: Rays, samples: Tensor, ahead: float = 0.0) -> Tensor:
    start = rays.start.view(-1, *(1,) * (samples.ndim - 1))
    return torch.add(start, samples + ahead, alpha=rays.step)


def _values(volume: SearchVolume, rays: Rays, samples: Tensor) -> Tensor:
    return _interpolated(volume, rays, _distances(rays, samples))


def _interpolated(volume: SearchVolume, rays: Rays, distances: Tensor) -> Tensor:
    corners = Corners(rays.at(distances), volume.shape)
    return corners.interpolate(corners.values(volume.values))


def _cells(volume: SearchVolume, points: tuple[Tensor, ...]) -> Tensor:
    """Return flat indices of cells; points must not be a voxel or more outside the volume."""
    return linear([point.to(torch.int32) for point in points], volume.shape).flatten()


def _over_corners(values: Tensor, reduce: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Reduce (Z, Y, X) voxels to the (Z - 1, Y - 1, X - 1) cells between them."""
    for axis in range(3):
        length = values.shape[axis] - 1
        values = reduce(values.narrow(axis, 0, length), values.narrow(axis, 1, length))
    return values


def _grown(mask: Tensor, cells: int) -> Tensor:
    """Grow a mask (Z, Y, X) by so many cells along every axis."""
    for axis in range(3):
        length = mask.shape[axis]
        grown = mask.clone()
        for shift in range(1, min(cells, length - 1) + 1):
            kept = length - shift
            grown.narrow(axis, 0, kept).logical_or_(mask.narrow(axis, shift, kept))
            grown.narrow(axis, shift, kept).logical_or_(mask.narrow(axis, 0, kept))
        mask = grown
    return mask
