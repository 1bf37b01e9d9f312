"""
The network rearranged for inference: the same function, a fraction of the work.

Batch norms are folded, volumes are laid out with channels last, and all but the classifiers and
the refiners is computed in a short number format.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.segmentation import LabelScores
from ssc_ros.models.imenet.sketch import SketchSSC
from ssc_ros.models.imenet.sscnet import ResidualPair, SSCNet
from ssc_ros.models.layers.block_mean import replace_average_pools
from ssc_ros.models.layers.folding import fold_batch_norms
from ssc_ros.models.layers.linear import linear, matrix_of
from ssc_ros.models.layers.parity_upsample import PARITIES

_STEM_PADDING = 3


def optimized(network: ImenetNetwork, dtype: torch.dtype = torch.float32) -> ImenetNetwork:
    """
    Return a network that computes the scores of ``network`` faster, and nothing else.

    Args:
        network: in any state; it is copied.
        dtype: of weights and features of both branches; scores and refiners are float32.
    """
    fast = deepcopy(network).eval()
    fold_batch_norms(fast)
    replace_average_pools(fast)
    if isinstance(fast.voxel, SSCNet):
        fast.voxel = fast_sscnet(fast.voxel, dtype)
    elif fast.voxel is not None:
        _shorten(fast.voxel, dtype)
    if fast.image is not None and not isinstance(fast.image, LabelScores):
        _shorten(fast.image, dtype)
    return fast.requires_grad_(False)


def fast_sscnet(network: SSCNet, dtype: torch.dtype) -> FastSSCNet:
    """Return a copy of SSCNet that computes its float32 scores faster, in a number format."""
    fast = FastSSCNet(deepcopy(network).eval())
    _shorten(fast, dtype)
    return fast.requires_grad_(False)


def _shorten(branch: nn.Module, dtype: torch.dtype) -> None:
    """Compute a branch in a number format, its classifier in float32: rounded scores tie."""
    _lay_out(branch.to(dtype))
    branch.register_forward_pre_hook(
        lambda _, values: tuple(_cast(each, dtype) for each in values))
    classifier = _classifier(branch).to(torch.float32)
    classifier.register_forward_pre_hook(lambda _, values: (values[0].float(),))


def _classifier(branch: Any) -> nn.Module:
    classifier: nn.Module = (
        branch.stage2.hourglass if isinstance(branch, SketchSSC) else branch).classify
    return classifier


def _lay_out(branch: nn.Module) -> None:
    for parameter in branch.parameters():
        if parameter.dim() in (4, 5):
            parameter.data = parameter.data.contiguous(memory_format=_layout(parameter))


def _layout(values: Tensor) -> torch.memory_format:
    return torch.channels_last if values.dim() == 4 else torch.channels_last_3d


def _cast(values: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    if values is None or not values.is_floating_point():
        return values
    return values.to(dtype, memory_format=_layout(values))


class HalvingConvolution(nn.Module):
    """
    A 7x7x7 convolution of stride 2 over one channel, as one of 4x4x4 and stride 1 over eight.

    Blocks of 2x2x2 cells become channels, so that the innermost loops have something to do.

    Args:
        convolution: padded by 3, as the first one of SSCNet is.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        super().__init__()
        taps = F.pad(convolution.weight.detach()[:, 0], (0, 1) * 3)  # 8 an axis, the last is 0
        self.weight = nn.Parameter(torch.stack([parity.of(taps) for parity in PARITIES], dim=1))
        bias = convolution.bias
        assert bias is not None  # SSCNet's has one
        self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, volume: Tensor) -> Tensor:
        """Map (B, 1, 2X, 2Y, 2Z) to (B, out, X, Y, Z)."""
        padded = F.pad(volume[:, 0], (_STEM_PADDING,) * 6)
        blocks = torch.stack([parity.of(padded) for parity in PARITIES], dim=-1)
        return F.conv3d(blocks.permute(0, 4, 1, 2, 3), self.weight, self.bias)


class FastSSCNet(nn.Module):
    """
    What ``SSCNet`` computes, in place wherever nothing else reads a volume.

    Its stem reads blocks as channels, and its classifier is a matrix product.
    """

    reads = SSCNet.reads

    def __init__(self, network: SSCNet) -> None:
        super().__init__()
        self.stem = HalvingConvolution(network.stem)
        self.entry = network.entry
        self.trunk = network.trunk
        self.gather, _, self.widen, _, classify = network.head
        self.classify = linear(*matrix_of(classify))

    def forward(self, tsdf: Tensor) -> Tensor:
        """Map a flipped TSDF (B, 1, 4X, 4Y, 4Z) to class scores (B, num_classes, X, Y, Z)."""
        features = _halved(_sum(self.entry, self.stem(tsdf).relu_()))
        sums = []
        for pair in self.trunk:
            features = _sum(pair, features)
            sums.append(features)
        hidden = self.gather(torch.cat(sums, dim=1)).relu_()
        rows = self.widen(hidden).relu_().permute(0, 2, 3, 4, 1)
        scores: Tensor = self.classify(rows)
        return scores.permute(0, 4, 1, 2, 3)


def _sum(pair: Any, volume: Tensor) -> Tensor:
    """Compute a :class:`ResidualPair`, without a copy for each rectification."""
    assert isinstance(pair, ResidualPair)
    result: Tensor = pair.second(pair.first(volume).relu_())
    return result.add_(pair.reduction(volume)).relu_()


def _halved(volume: Tensor) -> Tensor:
    """Return the greatest of every block of 2x2x2 cells, one axis after the other."""
    for axis in (2, 3, 4):
        even, odd = (
            volume.unflatten(axis, (-1, 2)).select(axis + 1, parity) for parity in (0, 1))
        volume = torch.maximum(even, odd)
    return volume
