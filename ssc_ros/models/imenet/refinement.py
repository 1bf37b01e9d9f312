"""DCP: add the evidence of the other branch, and a learned correction, to coarse scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from ssc_ros.models.imenet.deformable import Implementation


class DCP2d(nn.Module):
    """Refine the scores of pixels with the projected labels of voxels (Eq. 1)."""

    def __init__(
        self, num_classes: int = 12, *, channels: int = 64, rates: Sequence[int] = (1, 3, 5, 7),
        evidence: Literal['label', 'onehot'] = 'label',
        unmapped: Literal['zero', 'class0'] = 'zero', groups: int = 1,
        implementation: Implementation = 'deformable',
    ) -> None:
        super().__init__()

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        """Refine (B, num_classes, h, w) with (B, h, w) projected labels; 0 = no evidence."""
        raise NotImplementedError


class DCP3d(nn.Module):
    """Refine the scores of voxels with the lifted labels of pixels (Sec. 3.2)."""

    def __init__(
        self, num_classes: int = 12, *, channels: int = 32, rates: Sequence[int] = (1, 3, 5),
        evidence: Literal['label', 'onehot'] = 'label',
        unmapped: Literal['zero', 'class0'] = 'zero', groups: int = 1,
        implementation: Implementation = 'deformable', grid: Literal['full', 'half'] = 'full',
    ) -> None:
        super().__init__()

    def forward(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None) -> Tensor:
        """
        Refine (B, num_classes, X, Y, Z) with (B, X, Y, Z) lifted labels; 0 = no evidence.

        With a (B, X, Y, Z) bool mask the pyramid is evaluated inside it alone.
        """
        raise NotImplementedError
