"""DDA: attention over the depth axis of a volume."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor, nn


class AttentionStatistics(NamedTuple):
    """
    Whether attention does anything.

    Attributes:
        mean_diagonal: of the map, scalar tensor; 1 = every slice attends to itself alone.
        entropy: mean over columns, nats; ln(depth) = uniform.
    """

    mean_diagonal: Tensor
    entropy: Tensor


class DepthAttention(nn.Module):
    """
    Add to every slice along the last axis the slices it resembles (Eq. 2).

    Attributes:
        records_statistics: whether forward keeps ``statistics`` of its map, for logs.
        statistics: of the last forward.
    """

    records_statistics: bool
    statistics: AttentionStatistics | None

    def __init__(
        self, mode: Literal['global', 'column', 'danet', 'off'] = 'global',
        scale: Literal['none', 'dim', 'sqrt'] = 'none',
        gamma: Literal['one', 'learned0'] = 'one', *, masked: bool = False,
    ) -> None:
        super().__init__()

    def forward(self, scores: Tensor, nonfree: Tensor | None = None) -> Tensor:
        """Map (B, C, X, Y, Z) to the same; (B, X, Y, Z) bool ``nonfree`` is read if masked."""
        raise NotImplementedError
