"""Overlapping windows over a scene, and the weights with which they are blended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError

Blend = Literal['tent', 'rim']

# Voxels of a window along its inner sides that are dropped (SPSG).
RIM_VOXELS = 2
LEAST_WEIGHT = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowing:
    """
    How a scene is cut into windows, and these put together again.

    Attributes:
        blend: ``tent`` averages windows with weights that fall towards their sides; ``rim`` drops
            their outermost voxels and averages those that tell of a surface (SPSG).
        stride: voxels between windows; 0 takes half a window.
        batch: windows per run of the network.
        keeps_probabilities: of all classes, for labels at points between voxels.
    """

    blend: Blend = 'tent'
    stride: int = 0
    batch: int = 1
    keeps_probabilities: bool = False

    def __post_init__(self) -> None:
        if self.blend not in ('tent', 'rim') or self.stride < 0 or self.batch < 1:
            raise ConfigurationError(
                f'{self}: blend is tent or rim, stride at least 0 and batch at least 1')

    def stride_of(self, chunk_shape: tuple[int, int, int]) -> int:
        """
        Return the stride in voxels over chunks of (Z, Y, X).

        Raises:
            ConfigurationError: windows would not meet.
        """
        shortest = min(chunk_shape[1:])
        stride = self.stride or shortest // 2
        if stride > shortest:
            raise ConfigurationError(f'stride is {stride}, but windows are {shortest} voxels '
                                     'wide: choose at most half of that, so that they overlap')
        return stride


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """
    Return where windows start so that they cover an axis; the last may reach beyond its end.

    >>> window_starts(100, 64, 32), window_starts(40, 64, 32)
    ([0, 32, 64], [0])
    """
    beyond = max(0, length - window)
    return list(range(0, beyond + stride, stride)) if beyond else [0]


def axis_weights(
    window: int, stride: int, blend: Blend, *, is_first: bool, is_last: bool,
) -> Tensor:
    """
    Return (window,) weights of the voxels of a window along one axis.

    ``tent``: the distance to the window's side over the stride, at least 0.02; ``rim``: 1, but 0
    along its sides. On sides where the scene ends the weight is 1.

    >>> axis_weights(4, 2, 'tent', is_first=True, is_last=False).tolist()
    [1.0, 1.0, 0.75, 0.25]
    """
    ramp = (torch.arange(window) + 0.5) / stride
    if blend == 'rim':
        ramp = (torch.arange(window) >= RIM_VOXELS).float()
    rise = torch.ones(window) if is_first else ramp
    fall = torch.ones(window) if is_last else ramp.flip(0)
    weights = torch.minimum(rise, fall)
    return weights if blend == 'rim' else weights.clamp(LEAST_WEIGHT, 1.0)


def plane_weights(rows: Tensor, columns: Tensor) -> Tensor:
    """Return (1, Y, X) weights of a window from those along its axes."""
    return torch.minimum(rows[:, None], columns[None])[None]


class RunningMean:
    """
    Weighted mean of windows laid over a volume.

    Values that agree are kept exactly, whatever their weights: the mean moves by differences.

    Args:
        channels: of the values.
        shape: (Z, Y, X) of the volume.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int, int], device: torch.device | str = 'cpu',
    ) -> None:
        self.mean = torch.zeros(channels, *shape, device=device)
        self.weight = torch.zeros(1, *shape, device=device)

    def add(self, values: Tensor, weight: Tensor, row: int) -> None:
        """
        Count a window that spans all of Z and X and starts at a row of Y.

        Args:
            values: (C, Z, rows, X).
            weight: broadcast to (1, Z, rows, X), 0 where the window does not count.
        """
        rows = slice(row, row + values.shape[2])
        mean, total = self.mean[:, :, rows], self.weight[:, :, rows]
        total += weight
        share = (weight / total.clamp(min=LEAST_WEIGHT)).expand_as(total)
        mean += (values - mean) * share

    def shift(self, columns: int) -> None:
        """Move everything towards the start of X, forgetting the first columns."""
        for part in (self.mean, self.weight):
            part.copy_(part.roll(-columns, dims=-1))
            part[..., -columns:] = 0
