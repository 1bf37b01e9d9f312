"""A scene that is completed from left to right, keeping predictions of one window's width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.s4r.color import lab_to_rgb
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inputs import (
    TRUNCATION_VOXELS,
    CompletedVolume,
    S4rOutput,
    surface_band,
)
from ssc_ros.models.s4r.windows import RunningMean, Windowing


class CompletedColumns:
    """
    Windows in, the answer of finished columns out.

    Args:
        config: of the network.
        rows: extent along y, padding included.
        windowing: how windows are averaged.
        shape: (Z, Y, X) of the answer.
    """

    def __init__(
        self, config: S4rConfig, rows: int, windowing: Windowing, shape: Sequence[int],
    ) -> None:
        self._config, self._windowing = config, windowing
        self._buffer_shape = (config.chunk_shape[0], rows, config.chunk_shape[2])
        self._sizes = _channel_sizes(config)
        self._all: RunningMean | None = None
        self._band: RunningMean | None = None
        self._column = 0
        self._answer = _empty_answer(config, shape, windowing)

    def add(self, output: S4rOutput, index: int, weight: Tensor, row: int) -> None:
        """Count one window of a batch that starts at a row; weight is (1, Y, X)."""
        parts = [part[index] for part in output if part is not None]
        values = torch.cat(parts)
        weight = weight.to(values.device)[None]
        overall = self._all = self._all or self._mean(len(values), values.device)
        overall.add(values, weight, row)
        if self._windowing.blend == 'rim' and output.tsdf_voxels is not None:
            shaped = sum(self._sizes[:2])
            band = self._band = self._band or self._mean(shaped, values.device)
            band.add(values[:shaped], weight * surface_band(output)[index], row)

    def finish(self, columns: int) -> None:
        """Write the answer of the first columns and go on behind them."""
        stop = min(self._column + columns, self._answer.covered.shape[2])
        if self._all is not None and stop > self._column:
            self._write(stop)
        self._column += columns
        for mean in (self._all, self._band):
            if mean is not None:
                mean.shift(columns)

    def result(self) -> CompletedVolume:
        """Return the answer."""
        return self._answer

    def _mean(self, channels: int, device: torch.device) -> RunningMean:
        return RunningMean(channels, self._buffer_shape, device)

    def _write(self, stop: int) -> None:
        """Write the columns from where the buffers begin to ``stop``."""
        answer = self._answer
        height, rows, _ = answer.covered.shape
        height = min(height, self._buffer_shape[0])
        here = (slice(height), slice(rows), slice(self._column, stop))
        there = (slice(None), slice(height), slice(rows), slice(stop - self._column))
        overall = self._all
        assert overall is not None
        covered = overall.weight[there][0] > 0
        answer.covered[here] = _array(covered)
        blended, near = self._blend(overall.mean[there], there)
        tsdf, colors, _, logits = blended
        if tsdf is not None and answer.tsdf_voxels is not None and answer.near_surface is not None:
            bounded = tsdf[0].clamp(-TRUNCATION_VOXELS, TRUNCATION_VOXELS)
            answer.tsdf_voxels[here] = _array(bounded.where(covered, -torch.inf))
            answer.near_surface[here] = _array(near & covered)
        if colors is not None and answer.rgb is not None:
            answer.rgb[here] = _array(self._srgb(colors).where(covered[..., None], 0))
        if logits is not None:
            self._write_labels(logits, covered, here)

    def _blend(
        self, mean: Tensor, there: tuple[slice, ...],
    ) -> tuple[list[Tensor | None], Tensor]:
        """Return distance, colours, occupancy and class logits, and where a surface is near."""
        parts = [part if len(part) else None for part in mean.split(self._sizes)]
        batch = S4rOutput._make(None if part is None else part[None] for part in parts)
        if batch.tsdf_voxels is None:
            return parts, mean.new_zeros(mean.shape[1:], dtype=torch.bool)
        if self._band is None:
            return parts, surface_band(batch)[0, 0]
        near = self._band.weight[there][0] > 0
        banded = self._band.mean[there].split(self._sizes[:2])
        for index, part in enumerate(banded):
            plain = parts[index]
            parts[index] = None if plain is None else part.where(near, plain)
        return parts, near

    def _srgb(self, colors: Tensor) -> Tensor:
        """Return (Z, Y, X, 3) uint8 of (3, Z, Y, X)."""
        is_lab = self._config.color_space == 'lab'
        rgb = lab_to_rgb(colors[None])[0] if is_lab else colors
        return (rgb.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 3, 0)

    def _write_labels(
        self, logits: Tensor, covered: Tensor, here: tuple[slice, ...],
    ) -> None:
        answer = self._answer
        assert answer.labels is not None
        assert answer.confidence is not None
        probabilities = logits.softmax(dim=0)
        confidence, labels = probabilities.max(dim=0)
        answer.labels[here] = _array(labels.to(torch.uint8).where(covered, IGNORE_ID))
        answer.confidence[here] = _array(confidence.where(covered, 0))
        if answer.probabilities is not None:
            answer.probabilities[(slice(None), *here)] = _array(
                probabilities.where(covered, 0).half())


def _channel_sizes(config: S4rConfig) -> list[int]:
    """Return the channels of the parts of an ``S4rOutput``, 0 of what there is none."""
    has_geometry = 'geometry' in config.decoders
    return [int(has_geometry), 3 * ('color' in config.decoders),
            int(has_geometry and config.has_occupancy),
            config.num_classes * ('semantics' in config.decoders)]


def _empty_answer(
    config: S4rConfig, shape: Sequence[int], windowing: Windowing,
) -> CompletedVolume:
    geometry, color, semantics = (
        name in config.decoders for name in ('geometry', 'color', 'semantics'))
    z, y, x = shape
    return CompletedVolume(
        covered=np.zeros((z, y, x), np.bool_),
        tsdf_voxels=np.full((z, y, x), -np.inf, np.float32) if geometry else None,
        near_surface=np.zeros((z, y, x), np.bool_) if geometry else None,
        rgb=np.zeros((z, y, x, 3), np.uint8) if color else None,
        labels=np.full((z, y, x), IGNORE_ID, np.uint8) if semantics else None,
        confidence=np.zeros((z, y, x), np.float32) if semantics else None,
        probabilities=np.zeros((config.num_classes, z, y, x), np.float16)
        if semantics and windowing.keeps_probabilities else None)


def _array(tensor: Tensor) -> NDArray[Any]:
    values: NDArray[Any] = tensor.cpu().numpy()
    return values
