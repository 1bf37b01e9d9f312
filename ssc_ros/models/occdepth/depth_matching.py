"""How well both eyes agree at every depth: a cost volume that the depth network may read."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# At half resolution the sub-pixel disparity of a room still shows, at a quarter of the cost.
_REDUCTION = 2
_PATCH = 5
_MAX_DISPARITY = 32
# Below the norm of any patch that shows something: in flat ones rounding alone would decide.
_FLAT_NORM = 1e-4


def matching_scores(
    images: Tensor, depths_m: Tensor, epipolar: Tensor, size: tuple[int, int],
) -> Tensor:
    """
    Compare the eyes of a rectified pair along their rows and read the result off at given depths.

    The zero-mean normalised cross-correlation of small grey patches, at whole disparities of the
    halved images, is averaged to ``size`` and interpolated to the disparity of each depth. Depths
    whose disparity is beyond 64 pixels of the full image score 0.

    Args:
        images: (B, 2, 3, H, W), left and right.
        depths_m: (D,) metres.
        epipolar: (B, 2) as (a, b): the disparity of a point at depth z is a / z + b pixels; both
            negative for mirrored images.
        size: (height, width) of the result.

    Returns:
        (B, 2, D, height, width) float32 in -1..1, for the left and the right image.
    """
    is_mirrored = (epipolar[:, 0] < 0)[:, None, None, None, None]
    upright = torch.where(is_mirrored, images.flip(-1), images)
    correlations = _correlations(_grey_patches(upright))
    pooled = _pooled(correlations.flatten(0, 1), size)
    pooled = pooled.unflatten(0, correlations.shape[:2])
    pooled = torch.where(is_mirrored, pooled.flip(-1), pooled)
    weights = _interpolation(depths_m, epipolar * epipolar[:, :1].sign())
    return torch.einsum('bdm,bvmhw->bvdhw', weights, pooled)


def _pooled(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Average (M, C, h, w) to a size; by blocks, which can be exported, where it divides h, w."""
    sizes = tuple((int(have), int(want)) for have, want in zip(maps.shape[-2:], size, strict=True))
    if any(have % want for have, want in sizes):
        return F.adaptive_avg_pool2d(maps, size)
    return F.avg_pool2d(maps, [have // want for have, want in sizes])


def _grey_patches(images: Tensor) -> Tensor:
    """Return (B, 2, patch, h, w) zero-mean unit vectors of the halved images."""
    grey = images.flatten(0, 1).float().mean(1, keepdim=True)
    halved = F.avg_pool2d(grey, _REDUCTION)
    patches = F.unfold(halved, _PATCH, padding=_PATCH // 2)
    centred = patches - patches.mean(1, keepdim=True)
    unit = F.normalize(centred, dim=1, eps=_FLAT_NORM)
    return unit.view(*images.shape[:2], -1, *halved.shape[-2:])


def _correlations(patches: Tensor) -> Tensor:
    """Return (B, 2, disparities, h, w): with the left and with the right image as reference."""
    left, right = patches.unbind(1)
    width = patches.shape[-1]
    by_left, by_right = [], []
    for disparity in range(_MAX_DISPARITY):
        overlap = max(width - disparity, 0)
        product = (left[..., width - overlap:] * right[..., :overlap]).sum(1)
        by_left.append(F.pad(product, (width - overlap, 0)))
        by_right.append(F.pad(product, (0, width - overlap)))
    return torch.stack([torch.stack(by_left, 1), torch.stack(by_right, 1)], 1)


def _interpolation(depths_m: Tensor, epipolar: Tensor) -> Tensor:
    """Return (B, D, disparities) linear weights of the whole disparities at each depth."""
    disparity = (epipolar[:, :1] / depths_m + epipolar[:, 1:]) / _REDUCTION
    whole = torch.arange(_MAX_DISPARITY, device=disparity.device)
    return (1.0 - (disparity[..., None] - whole).abs()).clamp_min(0.0)
