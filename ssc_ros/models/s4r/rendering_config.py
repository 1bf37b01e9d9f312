"""How rays look for surfaces and what they send back to the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ssc_ros.errors import ConfigurationError

Gather = Literal['trilinear', 'nearest']
DepthGradient = Literal['implicit', 'straight_through']
Reduce = Literal['sum', 'mean']
Normals = Literal['trilinear', 'differences']
Backend = Literal['auto', 'torch', 'triton']


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingConfig:
    """
    Settings of the ray-caster; the defaults are those of S4R, ``SPSG_RENDERING`` those of SPSG.

    Attributes:
        step_voxels: distance between the samples along a ray.
        nearest_m, farthest_m: depths along the optical axis between which a ray looks.
        refinements: steps of regula falsi between the two samples around a surface.
        front_only: see surfaces from their free side only.
        gather: whether a pixel takes its features from the eight voxels around the hit or from
            the nearest one.
        depth_gradient: of the depth for the sdf: `implicit` is exact; `straight_through` moves
            the nearest voxel as if depth were its value, by the mean over its pixels.
        reduce: whether a voxel receives the sum or the (weighted) mean of what the pixels send
            to its features.
        averaged_pixels: of the pixels of one voxel only so many enter a mean; None takes all.
        normals: slope of the sdf at the hit, or central differences at the nearest voxel.
        backend: `auto` takes the kernels on a GPU with triton, unless torch is asked to be
            deterministic: kernels add gradients in any order.
        rays_per_block: so many rays are searched at once; bounds memory, not results.
    """

    step_voxels: float = 0.9
    nearest_m: float = 0.1
    farthest_m: float = 6.0
    refinements: int = 3
    front_only: bool = True
    gather: Gather = 'trilinear'
    depth_gradient: DepthGradient = 'implicit'
    reduce: Reduce = 'sum'
    averaged_pixels: int | None = None
    normals: Normals = 'trilinear'
    backend: Backend = 'auto'
    rays_per_block: int = 16384

    def __post_init__(self) -> None:
        for name, kind in (
                ('gather', Gather), ('depth_gradient', DepthGradient), ('reduce', Reduce),
                ('normals', Normals), ('backend', Backend)):
            if getattr(self, name) not in get_args(kind):
                raise ConfigurationError(
                    f'{name} is {getattr(self, name)!r}: choose one of '
                    f'{", ".join(get_args(kind))}')
        # Beyond one voxel, a surface between two samples could be in neither one's neighbourhood.
        if not 0 < self.step_voxels <= 1:
            raise ConfigurationError(
                f'step_voxels is {self.step_voxels}: choose more than 0 and at most 1')
        if not 0 < self.nearest_m < self.farthest_m:
            raise ConfigurationError(
                f'depths from {self.nearest_m} to {self.farthest_m} m: the nearest must be '
                'positive and below the farthest')
        for name in ('refinements', 'averaged_pixels', 'rays_per_block'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f'{name} is {value}: choose at least 1')


# What SPSG renders and learns from (Dai et al., CVPR 2021), for comparisons.
SPSG_RENDERING = RenderingConfig(
    front_only=False, gather='nearest', depth_gradient='straight_through', reduce='mean',
    averaged_pixels=64, normals='differences')
