"""Fields whose surfaces are known, and cameras that look at them."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

import torch
from torch import Tensor

from ssc_ros.models.s4r.rendering import Rendering, raycast
from ssc_ros.models.s4r.rendering_config import RenderingConfig

VOXEL_M = 0.02
CHUNK = (128, 64, 64)


@dataclass(frozen=True, eq=False)
class Scene:
    """
    A field and one camera.

    Attributes:
        sdf: (Z, Y, X) in voxels.
        valid: (Z, Y, X) bool.
        pose: (4, 4) from metres of the optical frame into voxels.
        intrinsics: (4,).
        size: (height, width) of the image.
    """

    sdf: Tensor
    valid: Tensor
    pose: Tensor
    intrinsics: Tensor
    size: tuple[int, int]

    def render(self, features: Tensor | None = None, **options: Any) -> Rendering:
        """Render with features (F, Z, Y, X) and settings that differ from the default."""
        return render([self], features=features, **options)

    def rays(self) -> tuple[Tensor, Tensor]:
        """Return unit directions (H, W, 3) in the grid and voxels of ray per metre of depth."""
        fx, fy, cx, cy = self.intrinsics
        v, u = torch.meshgrid(*map(torch.arange, self.size), indexing='ij')
        rays = torch.stack([(u - cx) / fx, (v - cy) / fy, torch.ones_like(u)], -1)
        rays = rays.to(self.pose.dtype) @ self.pose[:3, :3].T
        return rays / rays.norm(dim=-1, keepdim=True), rays.norm(dim=-1)

    def distances(self, rendering: Rendering) -> Tensor:
        """Return the rendered distances (H, W) along the rays, in voxels."""
        return rendering.depth_m[0] * self.rays()[1]

    def grid(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return z, y, x of every voxel."""
        return grid(tuple(self.sdf.shape), self.sdf.dtype)


def render(scenes: list[Scene], features: Tensor | None = None, **options: Any) -> Rendering:
    """Render several scenes at once; without features, those are empty."""
    sdf = torch.stack([scene.sdf for scene in scenes])
    if features is None:
        features = sdf.new_zeros(0, *sdf.shape[1:])
    return raycast(
        sdf, torch.stack([scene.valid for scene in scenes]),
        features.expand(len(scenes), *features.shape[-4:]),
        T_grid_camera=torch.stack([scene.pose for scene in scenes]),
        intrinsics=torch.stack([scene.intrinsics for scene in scenes]), size=scenes[0].size,
        config=RenderingConfig(**options))


def grid(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    """Return z, y, x of every voxel of a shape."""
    return torch.meshgrid(*(torch.arange(n, dtype=dtype) for n in shape), indexing='ij')


def pose(position: tuple[float, ...], pitch_deg: float = 0.0) -> Tensor:
    """Return a camera at x, y, z that looks along z, turned about x."""
    angle = radians(pitch_deg)
    matrix = torch.eye(4)
    matrix[1:3, 1:3] = torch.tensor([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    matrix[:3, :3] /= VOXEL_M
    matrix[:3, 3] = torch.tensor(position)
    return matrix


def scene_of(sdf: Tensor, camera: Tensor, *, banded: bool = False) -> Scene:
    """Return a scene of 320x256 pixels; banded fields are valid within 3 voxels only."""
    valid = sdf.abs() < 3 if banded else torch.ones_like(sdf, dtype=torch.bool)
    return Scene(
        sdf.clamp(-3, 3) if banded else sdf, valid, camera,
        torch.tensor([280.0, 280.0, 159.5, 127.5]), (256, 320))


def sphere(*, banded: bool = False) -> Scene:
    """Return a sphere of 20 voxels in a chunk, seen from outside."""
    z, y, x = grid(CHUNK)
    sdf = torch.stack([z - 64, y - 32, x - 32]).norm(dim=0) - 20
    return scene_of(sdf, pose((32.0, 32.0, -70.0)), banded=banded)


def room() -> Scene:
    """Return the six walls of a box, 28.5 voxels from its middle, seen from inside."""
    z, y, x = grid(CHUNK)
    sides = torch.stack([(z - 40).abs(), (y - 31.5).abs(), (x - 31.5).abs()])
    return scene_of(28.5 - sides.amax(0), pose((31.5, 31.5, 30.0), 10.0))


def plane(tilt_deg: float) -> tuple[Scene, Tensor, float]:
    """Return a tilted plane, its normal x, y, z towards the camera and its offset n x."""
    angle = radians(tilt_deg)
    normal = torch.tensor([0.0, sin(angle), -cos(angle)])
    offset = float(normal @ torch.tensor([32.0, 32.0, 64.0]))
    z, y, x = grid(CHUNK)
    sdf = x * normal[0] + y * normal[1] + z * normal[2] - offset
    return scene_of(sdf, pose((32.0, 32.0, 10.0)), banded=True), normal, offset


def noisy_sphere(shape: tuple[int, int, int] = (10, 10, 10), *, size: tuple[int, int] = (8, 8),
                 radius: float = 3.0, noise: float = 0.1) -> Scene:
    """Return a rough sphere in double precision, seen from outside, sideways."""
    z, y, x = grid(shape, torch.float64)
    middle = [(length - 1) / 2 for length in shape]
    sdf = torch.stack([z - middle[0], y - middle[1], x - middle[2]]).norm(dim=0) - radius
    sdf += noise * torch.randn(shape, dtype=torch.float64,
                               generator=torch.Generator().manual_seed(0))
    focal = size[1] * 1.6
    return Scene(
        sdf, torch.ones(shape, dtype=torch.bool),
        pose((middle[2] + 0.3, middle[1] - 4.0, -9.0), -15.0).double(),
        torch.tensor([focal, focal, (size[1] - 1) / 2, (size[0] - 1) / 2]).double(), size)
