"""Virtual stereo: features of a second view synthesised from one view and its depth."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp_to_virtual_view(
    features: Tensor, depth_m: Tensor, focal_baseline: Tensor, scale: int, *,
    half_pixel_shift: bool = False,
) -> Tensor:
    """
    Resample left features into a camera displaced to the right (OccDepth, Sec. 4.2).

    Args:
        features: (B, C, h, w) at 1/scale of the image.
        depth_m: (B, 1, H, W) metres, 0 = missing, which moves nothing.
        focal_baseline: (B,) focal length times baseline in full-resolution pixel metres; negative
            for horizontally mirrored images.
        half_pixel_shift: move the result by half a feature pixel in both axes, as the official
            code does.

    Returns:
        (B, C, h, w)
    """
    height, width = features.shape[-2:]
    depth = F.interpolate(
        depth_m.float(), size=(height, width), mode='bilinear', align_corners=False)[:, 0]
    disparity = focal_baseline.float()[:, None, None] / scale / depth
    disparity = torch.where(torch.isfinite(disparity), disparity, torch.zeros_like(disparity))
    offset = 0.0 if half_pixel_shift else 0.5
    rows = torch.arange(height, device=features.device, dtype=torch.float32) + offset
    columns = torch.arange(width, device=features.device, dtype=torch.float32) + offset
    grid = torch.stack([
        2.0 * (columns + disparity) / width - 1.0,
        (2.0 * rows / height - 1.0)[:, None].expand_as(disparity)], dim=-1)
    # Half precision cannot tell neighbouring columns apart.
    warped = F.grid_sample(
        features.float(), grid, padding_mode='border', align_corners=False)
    return warped.to(features.dtype)
