"""
Fuse one frame into the voxels that it can change (Curless and Levoy, SIGGRAPH 1996).

Voxels are taken in pieces small enough for the cache; pieces that the camera cannot see are
left out, and the others are cut to the part of their rows within the view. A GPU takes all at
once. Colours are whole 32-bit words, so that the three of a voxel are averaged together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.volume_grid import Shape, VolumeGrid
from ssc_ros.geometry.transforms import inverse_rigid

# Edges along z and y of the pieces that a CPU works on.
CPU_PIECE = (8, 16)
# Depth of pixels that measured nothing: behind every camera, so that no voxel lies before it.
NO_DEPTH_M = -1e6
MAX_WEIGHT = 255
_MAX_INVERSE_DEPTH = 1e6
_LOW_BITS = 0x7F7F7F7F

Piece = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class FusedTensors:
    """
    The state of a fusion; all (Z, Y, X) on one device.

    Attributes:
        tsdf_m: float32, 0 where the weight is 0.
        weight: uint8.
        colors: int32, red in the lowest byte, then green and blue.
    """

    tsdf_m: Tensor
    weight: Tensor
    colors: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class FrameView:
    """
    A frame as voxels look it up.

    Images have a margin of one invalid pixel, where all that lies outside them ends up.

    Attributes:
        projection: (3, 4) float64, maps (x, y, z, 1) of the grid's frame to (u * depth,
            v * depth, depth) with u and v in pixels of the images with margin, depth in metres.
        depth_m, colors: flat images with margin.
        height, width: of the images with margin.
        far_m: no voxel farther than this is changed.
    """

    projection: NDArray[np.float64]
    depth_m: Tensor
    colors: Tensor
    height: int
    width: int
    far_m: float


def frame_view(
    frame: PreparedFrame, grid: VolumeGrid, settings: FusionSettings, device: torch.device,
) -> FrameView | None:
    """Return the view of a frame; None if it has no depth to fuse."""
    depth = frame.depth_m
    is_fused = (depth >= settings.min_depth_m) & (depth <= settings.max_depth_m)
    if not is_fused.any():
        return None
    farthest = float(depth[is_fused].max())
    intrinsics = frame.camera.matrix
    intrinsics[:2, 2] += 1  # the margin
    margin = ((1, 1), (1, 1))
    packed = np.zeros((*depth.shape, 4), np.uint8)
    packed[..., :3] = frame.rgb
    colors = np.pad(packed.view('<i4')[..., 0], margin)
    fused = np.pad(np.where(is_fused, depth, NO_DEPTH_M).astype(np.float32), margin,
                   constant_values=NO_DEPTH_M)
    return FrameView(
        projection=intrinsics @ (inverse_rigid(frame.T_world_camera) @ grid.T_world_grid)[:3],
        depth_m=torch.from_numpy(fused.reshape(-1)).to(device),
        colors=torch.from_numpy(colors.reshape(-1)).to(device),
        height=fused.shape[0], width=fused.shape[1],
        far_m=farthest + settings.truncation_m(farthest, grid.voxel_size_m))


def seen_pieces(view: FrameView, shape: Shape, piece: tuple[int, int]) -> Iterator[Piece]:
    """
    Yield parts of a volume that hold every voxel within the view.

    The view is where six functions, linear in x, y and z, are positive. In a piece each is at
    most a * x plus its greatest value over the piece's rows, which bounds x.
    """
    z, y = np.meshgrid(*(np.arange(0, length, edge)
                         for length, edge in zip(shape, piece, strict=False)), indexing='ij')
    size_z, size_y = (np.minimum(edge, length - start) for start, length, edge
                      in zip((z, y), shape, piece, strict=False))
    slopes, constants = _frustum(view)
    greatest = (constants[:, None, None]
                + slopes[:, 1, None, None] * y + slopes[:, 2, None, None] * z
                + np.maximum(slopes[:, 1, None, None], 0) * (size_y - 1)
                + np.maximum(slopes[:, 2, None, None], 0) * (size_z - 1))
    first, last = np.zeros(z.shape), np.full(z.shape, shape[2] - 1.0)
    for slope, bound in zip(slopes[:, 0], greatest, strict=True):
        if abs(slope) < 1e-12:
            last[bound < 0] = -1
        elif slope > 0:
            first = np.maximum(first, -bound / slope)
        else:
            last = np.minimum(last, -bound / slope)
    for row, column in np.argwhere(first <= last):
        at_z, at_y = int(z[row, column]), int(y[row, column])
        yield (slice(at_z, at_z + int(size_z[row, column])),
               slice(at_y, at_y + int(size_y[row, column])),
               # A voxel of slack against rounding.
               slice(max(int(first[row, column]) - 1, 0),
                     min(int(last[row, column]) + 2, shape[2])))


def _frustum(view: FrameView) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (6, 3) slopes and (6,) constants of functions that are positive inside the view."""
    u, v, depth = view.projection
    far = -depth.copy()
    far[3] += view.far_m
    # The pixels next to the margin reach from 0.5 to their number + 0.5.
    planes = np.stack([
        depth, far, u - 0.5 * depth, (view.width - 1.5) * depth - u,
        v - 0.5 * depth, (view.height - 1.5) * depth - v])
    return planes[:, :3], planes[:, 3]


def integrate_piece(
    state: FusedTensors, view: FrameView, piece: Piece, settings: FusionSettings,
    voxel_size_m: float, is_updated: Tensor | None, stored: Piece | None = None,
) -> None:
    """
    Fuse a frame into one part of a volume.

    Args:
        piece: voxels of the grid that the view's projection maps from.
        stored: where the tensors keep these voxels; the same without.
    """
    stored = stored or piece
    pixels, depth_of_voxel = _look_up(view, piece, state.tsdf_m.device)
    shape = depth_of_voxel.shape
    seen = view.depth_m.index_select(0, pixels).view(shape)
    truncation = (seen * settings.truncation_slope).add_(
        settings.truncation_voxels * voxel_size_m)
    distance = torch.sub(seen, depth_of_voxel, out=depth_of_voxel)
    is_changed = distance > -truncation
    if is_updated is not None:
        is_changed &= is_updated[piece[1:]]
    if state.tsdf_m.device.type == 'cpu' and not is_changed.any():
        return  # all behind what is seen; a GPU would have to be waited for
    distance = torch.minimum(distance, truncation, out=distance)
    sample = (seen.mul_(settings.weight_slope).add_(settings.weight_at_zero)
              .clamp_(min=settings.min_weight).mul_(is_changed))
    stored_weight = state.weight[stored]
    weight = stored_weight.float()
    share = sample / (weight + sample).clamp_(min=1)
    tsdf = state.tsdf_m[stored]
    tsdf.addcmul_(distance.sub_(tsdf), share)
    latest = view.colors.index_select(0, pixels).view(shape)
    blend = _halved if settings.color_fusion == 'halving' else _weighted
    colors = state.colors[stored]
    blended = blend(colors, latest, weight, share)
    colors.copy_(torch.where(is_changed, blended, colors))
    stored_weight.copy_(weight.add_(sample.floor_()).clamp_(max=MAX_WEIGHT))


def _look_up(view: FrameView, piece: Piece, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the flat pixel that each voxel of a piece lies in, int32, and its depth."""
    z, y, x = (np.arange(part.start, part.stop) for part in piece)
    u, v, depth = (
        torch.from_numpy((of_y * y + of_z * z[:, None] + constant).astype(np.float32)[..., None])
        .to(device) + torch.from_numpy((of_x * x).astype(np.float32)).to(device)
        for of_x, of_y, of_z, constant in view.projection)
    # Behind the camera: 0, which is in the margin.
    inverse = depth.reciprocal().clamp_(0, _MAX_INVERSE_DEPTH)
    u = u.mul_(inverse).round_().clamp_(0, view.width - 1)
    v = v.mul_(inverse).round_().clamp_(0, view.height - 1)
    # Whole numbers below 2^24 are exact.
    return u.add_(v, alpha=view.width).int().view(-1), depth


def _halved(old: Tensor, latest: Tensor, weight: Tensor, share: Tensor) -> Tensor:
    """Return floor((old + latest + 1) / 2) of each byte, the latest where there is no old."""
    mean = (old | latest) - (((old ^ latest) >> 1) & _LOW_BITS)
    return torch.where(weight > 0, mean, latest)


def _weighted(old: Tensor, latest: Tensor, weight: Tensor, share: Tensor) -> Tensor:
    """Return each byte's average, the latest having the given share."""
    result = torch.zeros_like(old)
    for shift in (0, 8, 16):
        before = ((old >> shift) & 0xFF).float()
        mean = before + (((latest >> shift) & 0xFF).float() - before) * share
        result |= (mean + 0.5).int() << shift
    return result
