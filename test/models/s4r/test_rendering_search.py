"""Skipping what cannot hold a surface loses none."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.models.s4r.rendering_config import RenderingConfig
from ssc_ros.models.s4r.rendering_rays import Rays, rays_of_image
from ssc_ros.models.s4r.rendering_search import SearchVolume, find_surfaces

# In voxels. A ray that grazes the surface has two samples of nearly the same value: rounding,
# which differs with the order of sums, moves its root by far more than rounding.
GRAZING = 1e-3


def rays_of(scene: Any, config: RenderingConfig) -> Rays:
    return rays_of_image(
        scene.pose, scene.intrinsics, size=scene.size, shape=tuple(scene.sdf.shape),
        config=config)


@settings(max_examples=15)
@given(
    noise=st.floats(0, 3), share=st.floats(0.5, 1), step=st.floats(0.2, 1),
    front_only=st.booleans(), seed=st.integers(0, 100),
    position=st.tuples(*[st.floats(-12, 24)] * 3), pitch=st.floats(-180, 180))
def test_finds_what_looking_at_every_sample_finds(
    scenes: ModuleType, plain: ModuleType, *, noise: float, share: float, step: float,
    front_only: bool, seed: int, position: tuple[float, ...], pitch: float,
) -> None:
    torch.manual_seed(seed)
    rough = scenes.noisy_sphere((14, 9, 11), size=(12, 14), noise=noise)
    # Off the voxel centres: there, rounding decides which cells a sample touches.
    position = (position[0] + 0.0137, position[1] + 0.0171, position[2] + 0.0193)
    scene = replace(rough, pose=scenes.pose(position, pitch + 0.11).double(),
                    valid=torch.rand(rough.sdf.shape) <= share)
    config = RenderingConfig(step_voxels=step, front_only=front_only, nearest_m=0.01)
    rays = rays_of(scene, config)
    ours = find_surfaces(
        SearchVolume(scene.sdf, scene.valid, front_only=front_only), rays, config)
    expected = plain.march_every_sample(scene.sdf, scene.valid, rays, config)
    assert ((ours > 0) == (expected > 0)).all()
    assert (ours - expected).abs().max() < GRAZING


def test_goes_on_where_a_refinement_meets_an_invalid_cell(scenes: ModuleType) -> None:
    # Towards x and z. The sample before the first surface lies in cell x 0, z 1, the one behind
    # it in x 1, z 2, the surface in x 1, z 1: only that one has its corner at x 2, z 1.
    along_z = torch.tensor([1.9, 0.9, -0.1, -0.5, 1, 1, -1, -1, -1, -1])
    scene = scenes.scene_of(
        along_z[:, None, None].expand(10, 4, 4).contiguous(), scenes.pose((0.4086, 1.02, 0.0)))
    scene.pose[0, 2] = 0.4 / scenes.VOXEL_M
    scene = replace(scene, size=(1, 1), intrinsics=torch.tensor([1.0, 1.0, 0.0, 0.0]))
    config = RenderingConfig(nearest_m=0.3 * scenes.VOXEL_M, step_voxels=1.0)
    depths = []
    for is_valid in (True, False):
        scene.valid[1, 1, 2] = is_valid
        volume = SearchVolume(scene.sdf, scene.valid, front_only=True)
        rays = rays_of(scene, config)
        depths.append(rays.at(find_surfaces(volume, rays, config))[2].item())
    assert depths == pytest.approx([1.9, 5.5], abs=0.01)


def test_samples_lie_inside_the_box_and_none_is_missing(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    rays = rays_of(scene, RenderingConfig())
    crossing = rays[torch.where(rays.first <= rays.last)[0]]
    sizes = torch.tensor(scene.sdf.shape[::-1])
    for sample, inside in (
            (crossing.first, True), (crossing.last, True), (crossing.last + 1, False)):
        points = torch.stack(crossing.at(crossing.start + sample * crossing.step), 1)
        is_inside = ((points > -1e-3) & (points < sizes - 1 + 1e-3)).all(1)
        assert is_inside.all() if inside else (~is_inside).float().mean() > 0.99
