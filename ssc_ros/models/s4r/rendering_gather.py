"""Pixels as weighted sums of voxels, and what the voxels receive back."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.s4r.rendering_config import Backend


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """
    Which K voxels make each of N pixels.

    Attributes:
        pixels: (N,) int64, each at most once.
        voxels: (K, N) int32 linear indices.
        weights: (K, N) of voxels in pixels.
        shares: (K, N): what part of a pixel's gradient a voxel receives; the weights themselves
            where gradients are exact.
    """

    pixels: Tensor
    voxels: Tensor
    weights: Tensor
    shares: Tensor


def averaged_shares(voxels: Tensor, weights: Tensor, most: int | None = None) -> Tensor:
    """
    Return shares (K, N) that make of every voxel's gradient a weighted mean over its pixels.

    Args:
        voxels, weights: (K, N) as in :class:`Samples`.
        most: only the first so many pixels of each voxel enter its mean.
    """
    flat, counted = voxels.flatten().long(), weights.flatten()
    if most is not None:
        counted = counted * (_ranks(flat) < most)
    total = counted.new_zeros(int(flat.max()) + 1 if len(flat) else 0)
    total.scatter_add_(0, flat, counted)
    return (counted / total[flat].clamp(min=torch.finfo(total.dtype).tiny)).view_as(weights)


def _ranks(values: Tensor) -> Tensor:
    """Return for each value (N,) how many equal ones come before it."""
    ordered, order = values.sort(stable=True)
    ranks = torch.arange(len(values), device=values.device) - torch.searchsorted(ordered, ordered)
    return torch.empty_like(ranks).index_copy_(0, order, ranks)


def gather(features: Tensor, samples: Samples, num_pixels: int, backend: Backend) -> Tensor:
    """
    Return the image (F, num_pixels) of features (F, V); pixels without samples are 0.

    Gradients flow to the features alone, as the samples' shares tell.
    """
    image: Tensor = _function_for(features, backend).apply(
        features, samples.pixels, samples.voxels, samples.weights, samples.shares, num_pixels)
    return image


def takes_kernels(tensor: Tensor, backend: Backend) -> bool:
    """
    Tell whether the triton kernels serve this tensor.

    Raises:
        ConfigurationError: they were asked for and cannot.
    """
    is_possible = (
        tensor.is_cuda and tensor.dtype == torch.float32 and find_spec('triton') is not None)
    if backend == 'triton' and not is_possible:
        raise ConfigurationError(
            f'backend is triton but the volume is {tensor.dtype} on {tensor.device}: it needs '
            'float32 on a CUDA device and the package triton; choose auto or torch')
    is_wanted = backend == 'triton' or (
        backend == 'auto' and not torch.are_deterministic_algorithms_enabled())
    return is_possible and is_wanted


def _function_for(features: Tensor, backend: Backend) -> Any:
    if takes_kernels(features, backend):
        from ssc_ros.models.s4r.rendering_triton import TritonGather
        return TritonGather
    return TorchGather


class TorchGather(torch.autograd.Function):
    """Channel by channel: a channel's voxels stay in the cache, and little is held at once."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, pixels: Tensor, voxels: Tensor, weights: Tensor,
        shares: Tensor, num_pixels: int,
    ) -> Tensor:
        """Return (F, num_pixels)."""
        ctx.save_for_backward(pixels, voxels, shares)
        ctx.num_voxels = features.shape[1]
        image = features.new_zeros(len(features), num_pixels)
        flat = voxels.flatten()
        for channel, row in zip(features, image, strict=True):
            values = channel.index_select(0, flat).view_as(weights)
            row.index_copy_(0, pixels, values.mul_(weights).sum(0))
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the features."""
        pixels, voxels, shares = ctx.saved_tensors
        to_features = gradient.new_zeros(len(gradient), ctx.num_voxels)
        flat = voxels.flatten()
        for row, channel in zip(gradient, to_features, strict=True):
            channel.index_add_(0, flat, (shares * row.index_select(0, pixels)).flatten())
        return to_features, None, None, None, None, None
