"""Depth distillation: a predicted distribution over depth bins follows a teacher's depth map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.models.occdepth.depth_bins import DepthBins

_FAR_M = 1e5


def block_minimum(depth_m: Tensor, size: tuple[int, int], *, factor: int = 8) -> Tensor:
    """
    Return the nearest depth of each `factor` x `factor` block (BEVDepth, Sec. 3.2).

    Args:
        depth_m: (B, H, W), 0 = missing.
        size: (h, w) of the result; depth is first resized (nearest) to `factor` times that.

    Returns:
        (B, h, w) metres, 1e5 where a block holds no depth.
    """
    height, width = size
    resized = F.interpolate(depth_m[:, None], size=(factor * height, factor * width))
    present = torch.where(resized > 0, resized, _FAR_M)
    return -F.max_pool2d(-present, factor)[:, 0]


def depth_cross_entropy(logits: Tensor, depth_m: Tensor, bins: DepthBins) -> Tensor:
    """
    Return the binary cross-entropy between softmax(logits) and the one-hot bin of the teacher.

    Summed over bins, averaged over the cells whose depth falls into a bin; 0 if none does.

    Args:
        logits: (B, D, h, w) over the depth bins.
        depth_m: (B, H, W) teacher depth, 0 = missing; H and W about 8 h and 8 w.
    """
    nearest = block_minimum(depth_m.float(), (logits.shape[2], logits.shape[3])).double()
    edges = torch.as_tensor(bins.edges_m(), device=logits.device)
    index = torch.bucketize(nearest, edges, right=True) - 1
    is_supervised = (index >= 0) & (index < bins.count)
    return _one_hot_cross_entropy(
        logits.movedim(1, -1)[is_supervised].float(), index[is_supervised]
    )


def _one_hot_cross_entropy(logits: Tensor, index: Tensor) -> Tensor:
    """Binary cross-entropy of (M, D) softmax rows against bins (M,), from logits for accuracy."""
    # p = 1 exactly would make ln(1 - p) and its gradient infinite.
    log_probability = F.log_softmax(logits, dim=1).clamp(max=-1e-7)
    log_complement = torch.log(-torch.expm1(log_probability))
    at_target = log_probability.gather(1, index[:, None]) - log_complement.gather(
        1, index[:, None]
    )
    return -(log_complement.sum() + at_target.sum()) / max(1, len(index))
