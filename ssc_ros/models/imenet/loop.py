"""From scores to labels, and the iterations in which two branches exchange them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.config import MAX_ITERATIONS, LoopOrder
from ssc_ros.models.imenet.inputs import CoarseScores, ImenetInputs, Iteration

UNKNOWN = 255


class Refiners(Protocol):
    """What refines the coarse scores of either branch; the scores as they are without it."""

    def step3d(self, f3d: Tensor, labels2d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return scores like ``f3d``."""

    def step2d(self, f2d: Tensor, labels3d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return scores like ``f2d``."""


def pick_pixels(f2d: Tensor) -> Tensor:
    """Return the best class of (B, C, h, w) as (B, h, w) uint8; never 0, which is unlabelled."""
    return (f2d[:, 1:].argmax(dim=1) + 1).to(torch.uint8)


def pick_voxels(f3d: Tensor, nonfree: Tensor) -> Tensor:
    """Return the best class of (B, C, X, Y, Z) as (B, X, Y, Z) uint8; 0 outside ``nonfree``."""
    return f3d.argmax(dim=1).to(torch.uint8) * nonfree


def first_iteration(coarse: CoarseScores, inputs: ImenetInputs) -> Iteration:
    """Label pixels and voxels by the coarse scores, or as the inputs say."""
    labels2d = inputs.pixel_labels if coarse.f2d is None else pick_pixels(coarse.f2d)
    labels3d = inputs.voxel_labels if coarse.f3d is None else pick_voxels(
        coarse.f3d, inputs.nonfree)
    if coarse.f3d is None and labels3d is not None:
        labels3d = labels3d * (labels3d != UNKNOWN)
    return Iteration(coarse.f2d, coarse.f3d, labels2d, labels3d)


def refine_voxels(
    last: Iteration, refiners: Refiners, coarse: CoarseScores, inputs: ImenetInputs,
) -> Iteration:
    """Refine the coarse scores of voxels with the last labels of pixels."""
    if coarse.f3d is None or last.labels2d is None:
        return last
    f3d = refiners.step3d(coarse.f3d, last.labels2d, inputs)
    return last._replace(f3d=f3d, labels3d=pick_voxels(f3d, inputs.nonfree))


def refine_pixels(
    last: Iteration, refiners: Refiners, coarse: CoarseScores, inputs: ImenetInputs,
) -> Iteration:
    """Refine the coarse scores of pixels with the last labels of voxels."""
    if coarse.f2d is None or last.labels3d is None:
        return last
    f2d = refiners.step2d(coarse.f2d, last.labels3d, inputs)
    return last._replace(f2d=f2d, labels2d=pick_pixels(f2d))


def iterate(
    refiners: Refiners, coarse: CoarseScores, inputs: ImenetInputs, *, iterations: int,
    order: LoopOrder,
) -> tuple[Iteration, ...]:
    """
    Refine either branch in turns, always from its coarse scores (Fig. 2).

    Returns:
        What was said after 0, 1, ... iterations.

    Raises:
        ConfigurationError: the number of iterations is out of range.
    """
    if not 0 <= iterations <= MAX_ITERATIONS:
        raise ConfigurationError(
            f'{iterations} iterations were asked for: choose 0 to {MAX_ITERATIONS}')
    steps = (refine_voxels, refine_pixels) if order == '3d_first' else (
        refine_pixels, refine_voxels)
    results = [first_iteration(coarse, inputs)]
    for _ in range(iterations):
        latest = results[-1]
        for step in steps:
            latest = step(latest, refiners, coarse, inputs)
        results.append(latest)
    return tuple(results)
