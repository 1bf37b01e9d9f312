"""Chunks turned about the vertical and mirrored, together with where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.datasets.scans.frame import Matrix

QUARTERS = 4


class Turn(NamedTuple):
    """So many quarter turns about the vertical, then a mirror across x or none."""

    quarters: int = 0
    mirrors: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator, shape: Sequence[int]) -> Turn:
        """Draw one that keeps the shape (Z, Y, X)."""
        quarters = int(rng.integers(QUARTERS))
        is_square = shape[1] == shape[2]
        return cls(quarters if is_square else quarters // 2 * 2, bool(rng.integers(2)))

    def apply(self, volume: NDArray[Any]) -> NDArray[Any]:
        """Turn an array (..., Y, X)."""
        turned = np.rot90(volume, self.quarters, axes=(-2, -1))
        return np.ascontiguousarray(turned[..., ::-1] if self.mirrors else turned)

    def matrix(self, shape: Sequence[int]) -> Matrix:
        """Return where the point (x, y, z) of a volume of (Z, Y, X) voxels moves to."""
        rows, columns = shape[1:]
        result: Matrix = np.eye(4)
        for _ in range(self.quarters):
            # The last column becomes the first row.
            quarter = np.array([
                [0, 1, 0, 0], [-1, 0, 0, columns - 1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float64)
            result, rows, columns = quarter @ result, columns, rows
        if self.mirrors:
            mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
            mirror[0, 3] = columns - 1
            result = mirror @ result
        return result
