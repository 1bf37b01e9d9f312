"""DCP: add the evidence of the other branch, and a learned correction, to coarse scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ssc_ros.models.imenet.deformable import (
    DeformConv2d,
    DeformConv3d,
    Implementation,
)

Evidence = Literal['label', 'onehot']
Unmapped = Literal['zero', 'class0']


class _Refinement(nn.Module):
    """
    f' = f + h(labels) + C(ReLU(sum over branches of D_i(labels))), Eq. 1.

    h is the one-hot code; D_i are deformable convolutions of several dilations; C, of kernel 1,
    starts at zero, so that at first f' = f + h.

    Args:
        num_classes: of scores and labels, 0 included.
        channels, rates: width and dilations of the branches.
        evidence: what the branches see: ids over the highest one in one channel, or h.
        unmapped: the code of label 0, which stands for no evidence: no class, or class 0.
        groups: of channels that move together; one with evidence ``label``.
        implementation: of the convolutions.
        checkpoints: forget what a branch computed and do it again for gradients.
    """

    convolution: ClassVar[Any]
    pointwise: ClassVar[Any]

    def __init__(
        self, num_classes: int = 12, *, channels: int, rates: Sequence[int],
        evidence: Evidence = 'label', unmapped: Unmapped = 'zero', groups: int = 1,
        implementation: Implementation = 'deformable', checkpoints: bool = False,
    ) -> None:
        super().__init__()
        self.num_classes, self.checkpoints = num_classes, checkpoints
        self.evidence, self.unmapped = evidence, unmapped
        seen = 1 if evidence == 'label' else num_classes
        self.branches = nn.ModuleList(
            self.convolution(seen, channels, dilation=rate, groups=1 if seen == 1 else groups,
                             implementation=implementation)
            for rate in rates)
        self.correction = self.pointwise(channels, num_classes, 1)
        for parameter in self.correction.parameters():
            nn.init.zeros_(parameter)

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        """
        Refine (B, num_classes, *grid).

        Args:
            scores: coarse, over pixels (h, w) or voxels (X, Y, Z).
            labels: (B, *grid) ids of the other branch, brought here; 0 = no evidence.
            mask: (B, *grid) bool: the branches are evaluated inside it alone and count as 0
                elsewhere.
        """
        code = encode_labels(labels, self.num_classes, self.unmapped)
        return scores + code + self._correction(labels, code, mask)

    def _correction(self, labels: Tensor, code: Tensor, mask: Tensor | None) -> Tensor:
        seen = code if self.evidence == 'onehot' else (
            labels[:, None].to(code.dtype) / (self.num_classes - 1))
        first, *others = (self._branch(branch, seen, mask) for branch in self.branches)
        corrected: Tensor = self.correction(torch.relu(sum(others, first)))
        return corrected

    def _branch(self, branch: nn.Module, seen: Tensor, mask: Tensor | None) -> Tensor:
        if self.checkpoints and torch.is_grad_enabled():
            output: Tensor = checkpoint(branch, seen, mask, use_reentrant=False)
        else:
            output = branch(seen, mask)
        return output


class DCP2d(_Refinement):
    """Refine the scores of pixels with the projected labels of voxels."""

    convolution = DeformConv2d
    pointwise = nn.Conv2d

    def __init__(
        self, num_classes: int = 12, *, channels: int = 64, rates: Sequence[int] = (1, 3, 5, 7),
        **options: Any,
    ) -> None:
        super().__init__(num_classes, channels=channels, rates=rates, **options)


class DCP3d(_Refinement):
    """
    Refine the scores of voxels with the lifted labels of pixels.

    Args:
        grid: ``half``: the branches see labels pooled to half the resolution (2x2x2 maximum of
            the code), and their correction is repeated.
    """

    convolution = DeformConv3d
    pointwise = nn.Conv3d

    def __init__(
        self, num_classes: int = 12, *, channels: int = 32, rates: Sequence[int] = (1, 3, 5),
        grid: Literal['full', 'half'] = 'full', **options: Any,
    ) -> None:
        super().__init__(num_classes, channels=channels, rates=rates, **options)
        self.grid = grid

    def _correction(self, labels: Tensor, code: Tensor, mask: Tensor | None) -> Tensor:
        if self.grid == 'full':
            return super()._correction(labels, code, mask)
        halves = None if mask is None else F.max_pool3d(mask[:, None].float(), 2)[:, 0].bool()
        pooled = F.max_pool3d(labels[:, None].float(), 2)[:, 0]
        coarse = super()._correction(pooled, F.max_pool3d(code, 2), halves)
        return F.interpolate(coarse, scale_factor=2)


def encode_labels(labels: Tensor, num_classes: int, unmapped: Unmapped = 'zero') -> Tensor:
    """
    Return the one-hot code (B, num_classes, *grid) float32 of (B, *grid) ids.

    >>> encode_labels(torch.tensor([[2, 0]]), 3)[0].tolist()
    [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    classes = torch.arange(num_classes, device=labels.device).view(-1, *(1,) * (labels.ndim - 1))
    code = (labels[:, None] == classes).float()
    if unmapped == 'zero':
        code[:, 0] = 0
    return code
