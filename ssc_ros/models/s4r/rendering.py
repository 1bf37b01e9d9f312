"""Differentiable ray casting of a signed distance field with features."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.s4r.rendering_config import RenderingConfig
from ssc_ros.models.s4r.rendering_corners import Corners, nearest_voxels
from ssc_ros.models.s4r.rendering_gather import (
    Samples,
    averaged_shares,
    gather,
    takes_kernels,
)
from ssc_ros.models.s4r.rendering_rays import Rays, rays_of_image
from ssc_ros.models.s4r.rendering_search import SearchVolume, find_surfaces

# Along a ray that grazes the surface, or meets its back, the sdf says little about the depth.
_LEAST_SLOPE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """
    Images (B, H, W) of volumes; pixels without a surface are zero.

    Attributes:
        hit: bool: whether the ray met a surface.
        depth_m: along the optical axis; carries gradients to the sdf.
        normals_camera: (B, H, W, 3) unit vectors in the optical frame, against the slope of the
            sdf: into the matter. Without gradients.
        features: (B, F, H, W); carries gradients to the features.
        voxels: int64 linear index (x fastest) of the voxel nearest to the hit; -1 without one.
        entry_depth_m: depth at which the ray enters the box of the volume; inf if it does not.
    """

    hit: Tensor
    depth_m: Tensor
    normals_camera: Tensor
    features: Tensor
    voxels: Tensor
    entry_depth_m: Tensor


def raycast(
    sdf: Tensor, valid: Tensor, features: Tensor, *, T_grid_camera: Tensor, intrinsics: Tensor,
    size: tuple[int, int], config: RenderingConfig | None = None,
) -> Rendering:
    """
    Render each volume from one camera (S4R, Huang et al. 2023; gradients of SPSG as an option).

    The grid frame has unit 1 voxel, integers at voxel centres and order x, y, z, which the
    volumes store as (Z, Y, X). Computed in at least single precision. Several views of one
    volume: ``expand`` it. Nothing flows to voxels that no ray hit, nor to cameras.

    Args:
        sdf: (B, Z, Y, X) in voxels, positive in free space.
        valid: (B, Z, Y, X) bool, for a network its ``surface_band``; a surface needs eight
            valid voxels around it.
        features: (B, F, Z, Y, X), such as colour and the logits of classes.
        T_grid_camera: (B, 4, 4) from metres of the optical frame into voxels of the grid.
        intrinsics: (B, 4) fx, fy, cx, cy in pixels; integers are pixel centres.
        size: (height, width) in pixels.
        config: see :class:`RenderingConfig`.

    Raises:
        ValueError: shapes do not fit, or a camera is not finite.
    """
    _check(sdf, valid, features, T_grid_camera, intrinsics)
    config = config or RenderingConfig()
    dtype = torch.promote_types(sdf.dtype, torch.float32)
    with torch.autocast(sdf.device.type, enabled=False):
        parts = (
            sdf.to(dtype), valid, features.to(dtype), T_grid_camera.to(sdf.device, dtype),
            intrinsics.to(sdf.device, dtype))
        images = [
            _render(*one, size=size, config=config) for one in zip(*parts, strict=True)]
    return Rendering(*(
        torch.stack([getattr(image, field.name) for image in images])
        for field in fields(Rendering)))


def class_masks(logits: Tensor, hit: Tensor) -> Tensor:
    """Return one mask per class of rendered logits (B, n, H, W): one-hot where hit, else zero."""
    classes = F.one_hot(logits.argmax(1), logits.shape[1]).movedim(-1, 1)
    return classes.to(logits.dtype) * hit[:, None]


def _render(
    sdf: Tensor, valid: Tensor, features: Tensor, T_grid_camera: Tensor, intrinsics: Tensor, *,
    size: tuple[int, int], config: RenderingConfig,
) -> Rendering:
    """Render one volume; images have no batch."""
    shape = (sdf.shape[0], sdf.shape[1], sdf.shape[2])
    with torch.no_grad():
        rays = rays_of_image(T_grid_camera, intrinsics, size=size, shape=shape, config=config)
        volume = SearchVolume(sdf, valid, front_only=config.front_only)
        distances = _search(volume, rays, size, config)
        hits = _Hits(sdf, rays, distances, config)
        normals = hits.normals(T_grid_camera)
    flat, count = sdf.flatten()[None], len(rays)
    # Adds nothing but a gradient.
    link = gather(flat, hits.depth_samples(T_grid_camera), count, config.backend)[0]
    depth = distances / rays.voxels_per_metre + (link - link.detach())
    image = gather(features.flatten(1), hits.feature_samples(), count, config.backend)
    return Rendering(
        (distances > 0).view(size), depth.view(size),
        normals.new_zeros(count, 3).index_copy_(0, hits.pixels, normals).view(*size, 3),
        image.view(-1, *size),
        hits.pixels.new_full((count,), -1).index_copy_(
            0, hits.pixels, hits.nearest.long()).view(size),
        (rays.entry / rays.voxels_per_metre).view(size))


def _search(
    volume: SearchVolume, rays: Rays, size: tuple[int, int], config: RenderingConfig,
) -> Tensor:
    if takes_kernels(volume.values, config.backend):
        from ssc_ros.models.s4r.rendering_triton import find_surfaces as find_on_gpu
        return find_on_gpu(volume, rays, size, config)
    return find_surfaces(volume, rays, config)


class _Hits:
    """
    The N pixels that see a surface, and the voxels around what they see.

    Attributes:
        pixels: (N,) int64.
        nearest: (N,) int32 linear index of the nearest voxel.
    """

    def __init__(
        self, sdf: Tensor, rays: Rays, distances: Tensor, config: RenderingConfig,
    ) -> None:
        self.pixels = torch.where(distances > 0)[0]
        self._config, self._sdf, self._rays = config, sdf, rays[self.pixels]
        points = self._rays.at(distances[self.pixels])
        self.nearest = nearest_voxels(points, self._rays.shape)
        self._corners = Corners(points, self._rays.shape)
        self._voxels, self._weights = self._corners.voxels(), self._corners.weights()
        self._slopes = self._corners.gradient(self._corners.values(sdf.flatten()))

    def normals(self, T_grid_camera: Tensor) -> Tensor:
        """Return (N, 3) in the optical frame."""
        slopes = self._slopes if self._config.normals == 'trilinear' else self._differences()
        return F.normalize(-slopes.T @ T_grid_camera[:3, :3], dim=1)

    def _differences(self) -> Tensor:
        """Return the slopes (3, N) between the neighbours of the nearest voxel."""
        depth, height, width = self._rays.shape
        flat, nearest, slopes = self._sdf.flatten(), self.nearest, []
        for length, step in ((width, 1), (height, width), (depth, width * height)):
            cell = nearest // step % length
            # At a side of the volume, the voxel itself stands for the neighbour that is missing.
            after, before = (cell < length - 1).int(), (cell > 0).int()
            change = flat[nearest + step * after] - flat[nearest - step * before]
            slopes.append(change / (after + before))
        return torch.stack(slopes)

    def feature_samples(self) -> Samples:
        """Return how features become pixels."""
        voxels, weights = self._voxels, self._weights
        if self._config.gather == 'nearest':
            voxels = self.nearest[None]
            weights = torch.ones_like(voxels, dtype=weights.dtype)
        shares = weights if self._config.reduce == 'sum' else averaged_shares(
            voxels, weights, self._config.averaged_pixels)
        return Samples(self.pixels, voxels, weights, shares)

    def depth_samples(self, T_grid_camera: Tensor) -> Samples:
        """Return how depth in metres follows the sdf to first order."""
        if self._config.depth_gradient == 'straight_through':
            voxels = self.nearest[None]
            ones = torch.ones_like(voxels, dtype=self._weights.dtype)
            shares = averaged_shares(voxels, ones, self._config.averaged_pixels)
            return Samples(self.pixels, voxels, ones, shares / T_grid_camera[:3, 2].norm())
        # Implicit differentiation of S(o + t r) = 0: dt = -w dS / (r . grad S).
        slope = (self._slopes * self._rays.directions).sum(0)
        factor = torch.where(
            slope < -_LEAST_SLOPE, -1 / (slope * self._rays.voxels_per_metre), 0)
        coefficients = self._weights * factor
        return Samples(self.pixels, self._voxels, coefficients, coefficients)


def _check(
    sdf: Tensor, valid: Tensor, features: Tensor, T_grid_camera: Tensor, intrinsics: Tensor,
) -> None:
    if sdf.ndim != 4 or min(sdf.shape[1:]) < 2:
        raise ValueError(
            f'sdf is {tuple(sdf.shape)}: pass (B, Z, Y, X) with at least 2 voxels per axis')
    batch, grid = sdf.shape[0], tuple(sdf.shape[1:])
    expected = {
        'valid': (tuple(valid.shape), (batch, *grid)),
        'features': (tuple(features.shape), (batch, *features.shape[1:2], *grid)),
        'T_grid_camera': (tuple(T_grid_camera.shape), (batch, 4, 4)),
        'intrinsics': (tuple(intrinsics.shape), (batch, 4))}
    for name, (shape, wanted) in expected.items():
        if shape != wanted:
            raise ValueError(f'{name} is {shape} but must be {wanted} to fit the sdf')
    if valid.dtype != torch.bool:
        raise ValueError(f'valid is {valid.dtype}: pass a bool mask')
    if not (torch.isfinite(T_grid_camera).all() and torch.isfinite(intrinsics).all()):
        raise ValueError('a camera is not finite: leave out frames whose pose was lost')
