"""Whether the tensors of a checkpoint are those of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ssc_ros.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


def check_tensors(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], network: str,
) -> None:
    """
    Compare names and shapes of tensors with those that a network owns.

    Raises:
        WeightsError: lists missing and unexpected names and differing shapes.
    """
    missing = sorted(expected.keys() - state.keys())
    unexpected = sorted(state.keys() - expected.keys())
    differing = sorted(
        f'{name} {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}'
        for name in expected.keys() & state.keys() if state[name].shape != expected[name].shape)
    if missing or unexpected or differing:
        raise WeightsError(
            f'the tensors do not fit configuration {network!r}: missing {missing}, '
            f'unexpected {unexpected}, of another shape {differing}')
