"""The CUDA kernels render what torch does."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

KERNELS = 'ssc_ros.models.s4r.rendering_triton'
NO_TRITON = 'needs triton, which comes with torch for CUDA'
OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {'front_only': False, 'gather': 'nearest', 'reduce': 'mean',
         'depth_gradient': 'straight_through', 'averaged_pixels': 64})


def images_and_gradients(
    scene: Any, device: str, **options: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return hit, depth and features, and the gradients of sdf and features."""
    torch.manual_seed(0)
    sdf = scene.sdf.to(device).requires_grad_()
    features = torch.rand(5, *sdf.shape).to(device).requires_grad_()
    rendering = replace(scene, sdf=sdf, valid=scene.valid.to(device)).render(features, **options)
    loss = rendering.depth_m.sum() + rendering.features.square().sum()
    gradients = torch.autograd.grad(loss, [sdf, features])
    return tuple(part.detach().cpu() for part in (
        rendering.hit, rendering.depth_m, rendering.features, *gradients))


def agree(
    scenes: ModuleType, ours: tuple[Tensor, ...], expected: tuple[Tensor, ...], *,
    gather: str = 'trilinear', **_: Any,
) -> None:
    # Rounding moves a few pixels to another nearest voxel, and its mean with them.
    tolerance = 1e-3 if gather == 'trilinear' else 5e-2
    both = ours[0] & expected[0]
    assert both.any()
    assert (ours[0] != expected[0]).float().mean() < 1e-4
    assert (ours[1] - expected[1])[both].abs().max() < 1e-3 * scenes.VOXEL_M
    for own, other in zip(ours[3:], expected[3:], strict=True):
        assert (own - other).norm() < tolerance * other.norm()


@pytest.mark.gpu
@pytest.mark.skipif(find_spec('triton') is None, reason=NO_TRITON)
@pytest.mark.parametrize('scene', ['sphere', 'room'])
@pytest.mark.parametrize('options', OPTIONS)
def test_kernels_on_a_gpu_give_the_same(
    scenes: ModuleType, scene: str, options: dict[str, Any],
) -> None:
    example = getattr(scenes, scene)()
    on_gpu = images_and_gradients(example, 'cuda', backend='triton', **options)
    agree(scenes, on_gpu, images_and_gradients(example, 'cpu', **options), **options)


@pytest.mark.gpu
@pytest.mark.parametrize('options', OPTIONS)
def test_torch_on_a_gpu_gives_the_same(scenes: ModuleType, options: dict[str, Any]) -> None:
    example = scenes.sphere(banded=True)
    on_gpu = images_and_gradients(example, 'cuda', backend='torch', **options)
    agree(scenes, on_gpu, images_and_gradients(example, 'cpu', **options), **options)


def test_a_cpu_needs_no_triton(scenes: ModuleType) -> None:
    assert scenes.noisy_sphere().render().hit.any()
    assert KERNELS not in sys.modules
