"""DDA: attention over the depth axis of a volume."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError

AttentionMode = Literal['global', 'column', 'danet', 'off']
AttentionScale = Literal['none', 'dim', 'sqrt']
AttentionGamma = Literal['one', 'learned0']

# Affinities are divided by this power of the length of the vectors.
_POWERS = {'none': 0.0, 'sqrt': 0.5, 'dim': 1.0}


class AttentionStatistics(NamedTuple):
    """
    Whether attention does anything.

    Attributes:
        mean_diagonal: of the map, scalar tensor; 1 = every slice attends to itself alone.
        entropy: of what a slice attends to, mean, nats; ln(depth) = to all alike.
    """

    mean_diagonal: Tensor
    entropy: Tensor


class DepthAttention(nn.Module):
    """
    Add to every slice along the last axis a mean of the slices it resembles (Eq. 2).

    out[j] = gamma * sum_i softmax_i(<x[i], x[j]>) x[i] + x[j], affinities in single precision.
    Read literally (``global``, no scale) scores of a few units make the softmax one-hot, so that
    out = 2 x: look at ``statistics``.

    Args:
        mode: ``global``: x[i] is a whole slice; ``column``: the scores of one voxel, with a map
            for every (x, y); ``danet``: ``global`` with reversed affinities, as in the channel
            attention that the dual attention network released; ``off``: out = x.
        scale: divide affinities by nothing, the length of x[i] or its root.
        gamma: 1, or learned from 0. ``danet`` always learns it.
        masked: attend to scores inside ``nonfree`` alone: those outside count as 0 in the mean and
            in affinities. They keep themselves, as hidden voxels lie there where depth errs.

    Attributes:
        records_statistics: whether forward keeps its map for ``statistics``, for logs.
    """

    def __init__(
        self, mode: AttentionMode = 'global', scale: AttentionScale = 'none',
        gamma: AttentionGamma = 'one', *, masked: bool = False,
    ) -> None:
        super().__init__()
        if mode not in ('global', 'column', 'danet', 'off') or scale not in _POWERS:
            raise ConfigurationError(
                f'attention mode {mode!r} must be global, column, danet or off, and scale '
                f'{scale!r} none, dim or sqrt')
        self.mode, self.scale, self.masked = mode, scale, masked
        is_learned = mode != 'off' and (gamma == 'learned0' or mode == 'danet')
        self.gamma = nn.Parameter(torch.zeros(1)) if is_learned else None
        self.records_statistics = False
        self._recorded: Tensor | None = None

    @property
    def statistics(self) -> AttentionStatistics | None:
        """Return those of the last map that was kept; None without one."""
        return None if self._recorded is None else statistics_of(self._recorded)

    def extra_repr(self) -> str:
        """Show the options."""
        return f'{self.mode}, scale={self.scale}, masked={self.masked}'

    def forward(self, scores: Tensor, nonfree: Tensor | None = None) -> Tensor:
        """
        Map (B, C, X, Y, Z) to the same.

        Args:
            scores: any float dtype.
            nonfree: (B, X, Y, Z) bool, read if masked.
        """
        if self.mode == 'off':
            return scores
        seen = scores
        if self.masked:
            if nonfree is None:
                raise ConfigurationError('masked attention needs nonfree: pass it to forward()')
            seen = scores * nonfree[:, None]
        with torch.autocast(scores.device.type, enabled=False):
            slices = self._slices(seen.float() if seen.dtype.itemsize < 4 else seen)
            weights = self.weights(slices)
            attended = weights.mT @ slices  # Row j: the mean that slice j asks for.
            if self.gamma is not None:
                attended = attended * self.gamma
            return (self._volume(attended, scores) + scores).to(scores.dtype)

    def weights(self, slices: Tensor) -> Tensor:
        """Return the map (N, Z, Z) of (N, Z, length) slices: columns sum to 1."""
        energy = slices @ slices.mT / slices.shape[-1] ** _POWERS[self.scale]
        # The release subtracts affinities from their maximum, which no softmax notices.
        weights = torch.softmax(-energy if self.mode == 'danet' else energy, dim=1)
        if self.records_statistics:
            self._recorded = weights.detach()
        return weights

    def _slices(self, scores: Tensor) -> Tensor:
        if self.mode == 'column':
            return scores.permute(0, 2, 3, 4, 1).flatten(0, 2)  # (B * X * Y, Z, C)
        return scores.flatten(1, 3).mT  # (B, Z, C * X * Y)

    def _volume(self, slices: Tensor, like: Tensor) -> Tensor:
        batch, channels, x, y, z = like.shape
        if self.mode == 'column':
            return slices.view(batch, x, y, z, channels).permute(0, 4, 1, 2, 3)
        return slices.mT.reshape(like.shape)


def statistics_of(weights: Tensor) -> AttentionStatistics:
    """Return diagonal and entropy of maps (N, Z, Z) whose columns sum to 1."""
    entropy = -torch.xlogy(weights, weights).sum(1).mean()
    return AttentionStatistics(weights.diagonal(dim1=1, dim2=2).mean(), entropy)
