"""What voxels receive from images."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.s4r.rendering_gather import averaged_shares

# Regula falsi converges linearly; gradients are exact at the root.
CONVERGED = 60


def test_depth_has_the_exact_gradient_of_the_sdf(scenes: ModuleType) -> None:
    scene = scenes.noisy_sphere()

    def depth(sdf: Tensor) -> Tensor:
        image: Tensor = replace(scene, sdf=sdf).render(refinements=CONVERGED).depth_m
        return image / scenes.VOXEL_M

    assert 20 < (depth(scene.sdf) > 0).sum() < 64
    assert torch.autograd.gradcheck(
        depth, scene.sdf.clone().requires_grad_(), eps=1e-6, atol=1e-5, rtol=1e-3,
        fast_mode=True)


def test_features_have_the_exact_gradient(scenes: ModuleType) -> None:
    scene = scenes.noisy_sphere()
    features = torch.rand(2, *scene.sdf.shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda leaf: scene.render(leaf).features, features, fast_mode=True)


@pytest.mark.parametrize('gather', ['trilinear', 'nearest'])
def test_misses_and_voxels_that_no_ray_hit_receive_nothing(
    scenes: ModuleType, gather: str,
) -> None:
    scene = scenes.sphere()
    sdf = scene.sdf.clone().requires_grad_()
    features = torch.rand(2, *scene.sdf.shape, requires_grad=True)
    rendering = replace(scene, sdf=sdf).render(features, gather=gather)
    (rendering.depth_m.sum() + rendering.features.sum()).backward()
    for gradient in (sdf.grad, features.grad):
        touched = gradient.view(-1, *sdf.shape).abs().sum(0) > 0
        assert touched.any()
        assert sdf[touched].abs().max() < 2
        # The far side of the sphere is hidden.
        assert not touched[64:].any()
    misses = ~rendering.hit
    gradients = torch.autograd.grad(
        (replace(scene, sdf=sdf).render(features).depth_m * misses).sum(), sdf)
    assert not gradients[0].any()


def test_raising_the_sdf_pushes_a_surface_away(scenes: ModuleType) -> None:
    scene, _, _ = scenes.plane(0.0)
    sdf = scene.sdf.clone().requires_grad_()
    rendering = replace(scene, sdf=sdf).render()
    rendering.depth_m.sum().backward()
    # Facing it, each pixel moves by a voxel per unit.
    assert sdf.grad.sum() == pytest.approx(
        float(rendering.hit.sum()) * scenes.VOXEL_M, rel=1e-4)
    assert sdf.grad.min() >= 0


def test_back_faces_move_no_surface(scenes: ModuleType) -> None:
    scene, _, _ = scenes.plane(0.0)
    sdf = (-scene.sdf).requires_grad_()
    rendering = replace(scene, sdf=sdf).render(front_only=False)
    assert rendering.hit.any()
    rendering.depth_m.sum().backward()
    assert not sdf.grad.any()


@pytest.mark.parametrize(('pixels', 'averaged'), [(1, 1), (3, 3), (64, 64), (70, 64)])
def test_straight_through_moves_a_voxel_by_the_mean_of_its_pixels(
    scenes: ModuleType, pixels: int, averaged: int,
) -> None:
    z, _, _ = scenes.grid((12, 4, 4))
    # All rays end in one voxel, about (1, 1, 8).
    scene = replace(
        scenes.scene_of(8.2 - z, scenes.pose((1.1, 1.1, 1.0))), size=(1, pixels),
        intrinsics=torch.tensor([1e4, 1e4, (pixels - 1) / 2, 0.0]))
    sdf = scene.sdf.clone().requires_grad_()
    features = torch.rand(1, *sdf.shape, requires_grad=True)
    upstream = torch.rand(1, 1, pixels)
    rendering = replace(scene, sdf=sdf).render(
        features, nearest_m=0.01, depth_gradient='straight_through', gather='nearest',
        reduce='mean', averaged_pixels=64)
    assert rendering.hit.all()
    ((rendering.depth_m + rendering.features[:, 0]) * upstream).sum().backward()
    mean = upstream[..., :averaged].mean()
    assert features.grad[0, 8, 1, 1] == pytest.approx(float(mean), rel=1e-5)
    assert sdf.grad[8, 1, 1] == pytest.approx(float(mean) * scenes.VOXEL_M, rel=1e-5)
    assert (sdf.grad != 0).sum() == (features.grad != 0).sum() == 1


def test_both_depth_gradients_pull_the_same_way(scenes: ModuleType) -> None:
    scene = scenes.room()
    rays_per_depth = scene.rays()[1]
    gradients = []
    for kind in ('implicit', 'straight_through'):
        sdf = scene.sdf.clone().requires_grad_()
        rendering = replace(scene, sdf=sdf).render(depth_gradient=kind)
        (rendering.depth_m[0] * rays_per_depth).sum().backward()
        gradients.append(sdf.grad.flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.5


def test_a_sum_grows_with_the_pixels_and_a_mean_does_not(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    totals = {}
    for reduce in ('sum', 'mean'):
        features = torch.rand(1, *scene.sdf.shape, requires_grad=True)
        scene.render(features, reduce=reduce).features.sum().backward()
        totals[reduce] = features.grad
    assert totals['sum'].sum() == pytest.approx(5592, rel=1e-4)
    touched = totals['sum'] > 0
    torch.testing.assert_close(totals['mean'], touched.float())


def test_shares_of_a_mean_are_weighted_and_end_with_the_most_pixels() -> None:
    voxels = torch.tensor([[4, 2, 4, 4]], dtype=torch.int32)
    weights = torch.tensor([[0.5, 0.2, 0.25, 0.25]])
    torch.testing.assert_close(
        averaged_shares(voxels, weights), torch.tensor([[0.5, 1, 0.25, 0.25]]))
    torch.testing.assert_close(
        averaged_shares(voxels, weights, most=2), torch.tensor([[2 / 3, 1, 1 / 3, 0]]))


def test_nothing_hit_is_learned_from_without_error(scenes: ModuleType) -> None:
    sdf = torch.ones(4, 4, 4, requires_grad=True)
    scene = scenes.scene_of(sdf, scenes.pose((1.5, 1.5, -5.0)))
    for options in ({}, {'reduce': 'mean', 'depth_gradient': 'straight_through'}):
        features = torch.ones(1, 4, 4, 4, requires_grad=True)
        rendering = scene.render(features, **options)
        assert not rendering.hit.any()
        (rendering.depth_m.sum() + rendering.features.sum()).backward()
        assert not features.grad.any()


@pytest.mark.parametrize(('kind', 'allowed'), [('implicit', 0.1), ('straight_through', 0.6)])
def test_a_sphere_grows_to_the_depths_of_a_larger_one(
    scenes: ModuleType, kind: str, allowed: float,
) -> None:
    z, y, x = scenes.grid((32, 32, 32))
    distance = torch.stack([z - 15.5, y - 15.5, x - 15.5]).norm(dim=0)
    scene = replace(
        scenes.scene_of(distance - 11, scenes.pose((15.5, 15.5, -20.0))), size=(24, 30),
        intrinsics=torch.tensor([36.0, 36.0, 14.5, 11.5]))
    target = scene.render()
    sdf = (distance - 9.5).requires_grad_()
    optimizer = torch.optim.Adam([sdf], 0.05)
    options: dict[str, Any] = {'depth_gradient': kind}

    def difference() -> Tensor:
        rendering = replace(scene, sdf=sdf).render(**options)
        both = rendering.hit & target.hit
        return (rendering.depth_m - target.depth_m)[both].abs().mean() / scenes.VOXEL_M

    before = float(difference().detach())
    for _ in range(60):
        optimizer.zero_grad()
        difference().backward()
        optimizer.step()
    assert before > 1
    assert float(difference().detach()) < allowed


def test_kernels_cannot_be_asked_for_on_a_cpu(scenes: ModuleType) -> None:
    with pytest.raises(ConfigurationError, match='needs float32 on a CUDA device'):
        scenes.noisy_sphere().render(backend='triton')
