# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
"""The ray-caster as CUDA kernels: needs triton, so import it only to run."""

from __future__ import annotations

from typing import Any

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.autograd.function import once_differentiable

from ssc_ros.models.s4r.rendering_config import RenderingConfig
from ssc_ros.models.s4r.rendering_rays import Rays
from ssc_ros.models.s4r.rendering_search import SearchVolume

# Pixels that march together, and pixels that are gathered together.
TILE_WIDTH, TILE_HEIGHT, BLOCK = 16, 8, 256


def find_surfaces(
    volume: SearchVolume, rays: Rays, size: tuple[int, int], config: RenderingConfig,
) -> Tensor:
    """
    Return what ``rendering_search.find_surfaces`` does, for the rays of an image.

    Args:
        volume, config: as there, in single precision.
        rays: one per pixel, row by row.
        size: (height, width) of the image.
    """
    found = torch.zeros_like(rays.start)
    height, width = size
    tiles = (triton.cdiv(width, TILE_WIDTH), triton.cdiv(height, TILE_HEIGHT))
    z_size, y_size, x_size = volume.shape
    _search[tiles](
        volume.values, volume.endings.view(torch.uint8), rays.origin,
        rays.directions.contiguous(), rays.start, rays.first, rays.last, found, width, height,
        x_size, y_size, z_size, rays.step, config.refinements, FRONT_ONLY=config.front_only,
        TILE_WIDTH=TILE_WIDTH, TILE_HEIGHT=TILE_HEIGHT)
    return found


class TritonGather(torch.autograd.Function):
    """What ``TorchGather`` computes, in single precision; gradients are added in any order."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, pixels: Tensor, voxels: Tensor, weights: Tensor,
        shares: Tensor, num_pixels: int,
    ) -> Tensor:
        """Return (F, num_pixels)."""
        features = features.contiguous()
        ctx.save_for_backward(pixels, voxels.contiguous(), shares.contiguous())
        ctx.num_voxels = features.shape[1]
        image = features.new_zeros(len(features), num_pixels)
        if len(pixels):
            _weigh[_programs(pixels, features)](
                features, pixels, voxels.contiguous(), weights.contiguous(), image, len(pixels),
                features.shape[1], num_pixels, CORNERS=len(voxels), BLOCK=BLOCK)
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the features."""
        pixels, voxels, shares = ctx.saved_tensors
        gradient = gradient.contiguous()
        to_features = gradient.new_zeros(len(gradient), ctx.num_voxels)
        if len(pixels):
            _send_back[_programs(pixels, gradient)](
                gradient, pixels, voxels, shares, to_features, len(pixels), ctx.num_voxels,
                gradient.shape[1], CORNERS=len(voxels), BLOCK=BLOCK)
        return to_features, None, None, None, None, None


def _programs(pixels: Tensor, rows: Tensor) -> tuple[int, int]:
    return triton.cdiv(len(pixels), BLOCK), len(rows)


@triton.jit
def _place(origin, direction, distance, size):
    """Return cell and fraction of points along one axis, in the outermost cell if outside."""
    point = origin + distance * direction
    # Of a point that is not a number, the fraction is not one either.
    cell = tl.minimum(tl.maximum(point, 0.0), size - 2.0).to(tl.int32)
    return cell, point - cell.to(tl.float32)


@triton.jit
def _cell(
    distance, origin_x, origin_y, origin_z, along_x, along_y, along_z, x_size, y_size, z_size,
):
    """Return the linear index of the cells that hold points on rays."""
    x, _ = _place(origin_x, along_x, distance, x_size)
    y, _ = _place(origin_y, along_y, distance, y_size)
    z, _ = _place(origin_z, along_z, distance, z_size)
    return (z * y_size + y) * x_size + x


@triton.jit
def _mix(low, high, fraction):
    return low + fraction * (high - low)


@triton.jit
def _row(values, start, x_upper, is_read):
    """Interpolate between two neighbours along x."""
    missing = float('nan')
    return _mix(tl.load(values + start, is_read, missing),
                tl.load(values + start + 1, is_read, missing), x_upper)


@triton.jit
def _layer(values, start, x_upper, y_upper, x_size, is_read):
    """Interpolate between four neighbours in a layer."""
    return _mix(_row(values, start, x_upper, is_read),
                _row(values, start + x_size, x_upper, is_read), y_upper)


@triton.jit
def _interpolated(
    values, distance, origin_x, origin_y, origin_z, along_x, along_y, along_z, x_size, y_size,
    z_size, is_read,
):
    """Return the field at distances along rays; not a number where a corner is not valid."""
    x, x_upper = _place(origin_x, along_x, distance, x_size)
    y, y_upper = _place(origin_y, along_y, distance, y_size)
    z, z_upper = _place(origin_z, along_z, distance, z_size)
    start = (z * y_size + y) * x_size + x
    return _mix(_layer(values, start, x_upper, y_upper, x_size, is_read),
                _layer(values, start + x_size * y_size, x_upper, y_upper, x_size, is_read),
                z_upper)


@triton.jit
def _search(
    values, endings, origin, directions, starts, firsts, lasts, found, width, height, x_size,
    y_size, z_size, step, refinements, FRONT_ONLY: tl.constexpr, TILE_WIDTH: tl.constexpr,
    TILE_HEIGHT: tl.constexpr,
):
    """March the rays of a tile of pixels until each found a surface or left the volume."""
    lane = tl.arange(0, TILE_WIDTH * TILE_HEIGHT)
    u = tl.program_id(0) * TILE_WIDTH + lane % TILE_WIDTH
    v = tl.program_id(1) * TILE_HEIGHT + lane // TILE_WIDTH
    is_pixel = (u < width) & (v < height)
    pixel, count = v * width + u, width * height
    origin_x, origin_y, origin_z = tl.load(origin), tl.load(origin + 1), tl.load(origin + 2)
    along_x = tl.load(directions + pixel, is_pixel, 0.0)
    along_y = tl.load(directions + count + pixel, is_pixel, 0.0)
    along_z = tl.load(directions + 2 * count + pixel, is_pixel, 0.0)
    start = tl.load(starts + pixel, is_pixel, 0.0)
    last = tl.load(lasts + pixel, is_pixel, -1)
    # The sample before the first one is outside.
    sample = tl.load(firsts + pixel, is_pixel, 0) + 1
    result = tl.zeros_like(start)
    is_active = sample <= last
    while tl.max(is_active.to(tl.int32), 0) > 0:
        far = start + sample.to(tl.float32) * step
        cell = _cell(far, origin_x, origin_y, origin_z, along_x, along_y, along_z, x_size,
                     y_size, z_size)
        is_ending = tl.load(endings + cell, is_active, 0) != 0
        if tl.max(is_ending.to(tl.int32), 0) > 0:
            near = start + (sample - 1).to(tl.float32) * step
            near_value = _interpolated(
                values, near, origin_x, origin_y, origin_z, along_x, along_y, along_z, x_size,
                y_size, z_size, is_ending)
            far_value = _interpolated(
                values, far, origin_x, origin_y, origin_z, along_x, along_y, along_z, x_size,
                y_size, z_size, is_ending)
            crosses = near_value * far_value < 0
            if FRONT_ONLY:
                crosses = crosses & (far_value < 0)
            value, distance = far_value, far
            for _refinement in range(refinements):
                distance = near + near_value / (near_value - far_value) * (far - near)
                value = _interpolated(
                    values, distance, origin_x, origin_y, origin_z, along_x, along_y, along_z,
                    x_size, y_size, z_size, crosses)
                is_near = value * near_value > 0
                near = tl.where(is_near, distance, near)
                far = tl.where(is_near, far, distance)
                near_value = tl.where(is_near, value, near_value)
                far_value = tl.where(is_near, far_value, value)
            # Not a number equals nothing: there the march goes on.
            is_found = crosses & (value == value) & (distance == distance)
            result = tl.where(is_found, distance, result)
            last = tl.where(is_found, -1, last)
        sample += 1
        is_active = sample <= last
    tl.store(found + pixel, result, is_pixel)


@triton.jit
def _weigh(
    features, pixels, voxels, weights, image, count, num_voxels, num_pixels,
    CORNERS: tl.constexpr, BLOCK: tl.constexpr,
):
    """Add the weighted voxels of pixels, in one channel."""
    sample = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(1).to(tl.int64)
    is_sample = sample < count
    total = tl.zeros([BLOCK], tl.float32)
    for corner in tl.static_range(CORNERS):
        voxel = tl.load(voxels + corner * count + sample, is_sample, 0)
        weight = tl.load(weights + corner * count + sample, is_sample, 0.0)
        total += weight * tl.load(features + channel * num_voxels + voxel, is_sample, 0.0)
    pixel = tl.load(pixels + sample, is_sample, 0)
    tl.store(image + channel * num_pixels + pixel, total, is_sample)


@triton.jit
def _send_back(
    gradient, pixels, voxels, shares, to_features, count, num_voxels, num_pixels,
    CORNERS: tl.constexpr, BLOCK: tl.constexpr,
):
    """Add the shares of the gradient of pixels to their voxels, in one channel."""
    sample = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(1).to(tl.int64)
    is_sample = sample < count
    pixel = tl.load(pixels + sample, is_sample, 0)
    outer = tl.load(gradient + channel * num_pixels + pixel, is_sample, 0.0)
    for corner in tl.static_range(CORNERS):
        voxel = tl.load(voxels + corner * count + sample, is_sample, 0)
        share = tl.load(shares + corner * count + sample, is_sample, 0.0)
        tl.atomic_add(to_features + channel * num_voxels + voxel, share * outer, is_sample)
