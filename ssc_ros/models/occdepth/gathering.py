"""Look-up of image features at projected voxels."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Gather = Literal['nearest', 'bilinear']


class Lookup(NamedTuple):
    """
    Which rows of a feature table make up the feature of each voxel.

    Attributes:
        cells: (V, M, K) int64 rows; M counts the voxels of the batch, K is 1 or 4.
        weights: (V, M, K) float32, or None where K is 1.
    """

    cells: Tensor
    weights: Tensor | None

    def take(self, rows: Tensor, view: int, part: slice) -> Tensor:
        """Return the (m, C) features of some voxels in one view."""
        if self.weights is None:
            return rows.index_select(0, self.cells[view, part, 0])
        cells, weights = self.cells[view, part], self.weights[view, part].to(rows.dtype)
        if torch.onnx.is_in_onnx_export():  # other runtimes would loop over the bags
            return (rows[cells] * weights[..., None]).sum(1)
        return F.embedding_bag(cells, rows, mode='sum', per_sample_weights=weights)

    def scatter_add(self, rows: Tensor, view: int, part: slice, values: Tensor) -> None:
        """Add (m, C) values to the rows they were taken from: the adjoint of :meth:`take`."""
        for k in range(self.cells.shape[-1]):
            weighted = values
            if self.weights is not None:
                weighted = values * self.weights[view, part, k:k + 1].to(values.dtype)
            rows.index_add_(0, self.cells[view, part, k], weighted)


def feature_rows(features: Tensor) -> Tensor:
    """View (B, V, C, h, w) maps as (B V h w, C): the features of a pixel are one row."""
    return features.permute(0, 1, 3, 4, 2).reshape(-1, features.shape[2])


def make_lookup(
    pixels: Tensor, maps: Tensor, size: tuple[int, int], scale: int, gather: Gather,
) -> Lookup:
    """
    Find the rows of :func:`feature_rows` for voxels seen at full-resolution pixels.

    Args:
        pixels: (V, M, 2) u, v; any value is safe.
        maps: (V, M) number of the map, batch index times V plus view, that each voxel reads.
        size: (h, w) of the maps.
        scale: resolution of the image over that of the maps.
        gather: ``nearest`` takes cell floor(u / scale), as published; ``bilinear`` interpolates
            real-valued pixels, repeating the border.
    """
    cells, weights = (_bilinear if gather == 'bilinear' else _nearest)(pixels, size, scale)
    return Lookup(cells + (maps * (size[0] * size[1]))[..., None], weights)


def _nearest(pixels: Tensor, size: tuple[int, int], scale: int) -> tuple[Tensor, None]:
    height, width = size
    column, row = torch.div(pixels, scale, rounding_mode='floor').long().unbind(-1)
    cells = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    return cells[..., None], None


def _bilinear(pixels: Tensor, size: tuple[int, int], scale: int) -> tuple[Tensor, Tensor]:
    height, width = size
    # Pixel centres sit at integers in both images.
    column, row = ((pixels.float() + 0.5) / scale - 0.5).nan_to_num().unbind(-1)
    column, row = column.clamp(0, width - 1), row.clamp(0, height - 1)
    left, top = column.floor(), row.floor()
    to_right, to_bottom = column - left, row - top
    weights = torch.stack([
        (1 - to_right) * (1 - to_bottom), to_right * (1 - to_bottom),
        (1 - to_right) * to_bottom, to_right * to_bottom], dim=-1)
    corner = top.long() * width + left.long()
    # Beyond the last column and row the neighbour has weight 0: any valid cell will do.
    right = (left < width - 1).long()
    below = (top < height - 1).long() * width
    cells = torch.stack([corner, corner + right, corner + below, corner + below + right], dim=-1)
    return cells, weights
