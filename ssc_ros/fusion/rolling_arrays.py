"""
Arrays over a window that moves across an endless lattice of voxels.

What the arrays hold never moves: voxel (z, y, x) of the lattice is kept at (z, y mod Y, x mod X),
so that moving the window only clears the rows and columns that it leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.integration import Piece
from ssc_ros.fusion.volume_grid import Shape

Plane = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlaneBox:
    """
    Columns of voxels of the lattice.

    Attributes:
        start: (y, x) of the first one.
        shape: (rows, columns).
    """

    start: Plane
    shape: Plane

    @property
    def middle(self) -> Plane:
        """(y, x) of the column in the middle."""
        y, x = (first + length // 2 for first, length in zip(self.start, self.shape, strict=True))
        return y, x


@dataclass(frozen=True, slots=True)
class WindowPart:
    """
    Voxels that lie side by side in the lattice and in the arrays.

    Attributes:
        start: (z, y, x) of the first one in the lattice.
        shape: (Z, Y, X).
        stored: where the arrays keep them.
    """

    start: Shape
    shape: Shape
    stored: Piece

    def within(self, box: PlaneBox) -> Piece:
        """Return where they lie in a box that holds them."""
        y, x = (slice(first - origin, first - origin + length) for first, origin, length
                in zip(self.start[1:], box.start, self.shape[1:], strict=True))
        return slice(None), y, x


class RollingArrays:
    """
    Tensors of one window.

    Args:
        shape: (Z, Y, X) voxels of the window.
        layers: number format and value of empty voxels, by name of the tensor.

    Attributes:
        box: the window; set by ``move_to``.
    """

    def __init__(
        self, shape: Shape, layers: Mapping[str, tuple[torch.dtype, float]],
        device: torch.device | str = 'cpu',
    ) -> None:
        if len(shape) != 3 or min(shape) < 1:
            raise ConfigurationError(f'window {shape} must be three positive numbers (Z, Y, X)')
        self.shape = shape
        self.box = PlaneBox((0, 0), shape[1:])
        self._fills = {name: fill for name, (_, fill) in layers.items()}
        self._tensors = {
            name: torch.full(shape, fill, dtype=dtype, device=device)
            for name, (dtype, fill) in layers.items()}

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor as it is stored."""
        return self._tensors[name]

    @property
    def memory_bytes(self) -> int:
        """Memory of all tensors; it never changes."""
        return sum(tensor.nbytes for tensor in self._tensors.values())

    def parts(self, box: PlaneBox | None = None) -> Iterator[WindowPart]:
        """Yield the at most four parts of the window, or of what of a box lies in it."""
        inside = self._intersection(box or self.box)
        height, rows, columns = self.shape
        for first_y, stop_y in _segments(inside.start[0], inside.shape[0], rows):
            for first_x, stop_x in _segments(inside.start[1], inside.shape[1], columns):
                size = (height, stop_y - first_y, stop_x - first_x)
                at_y, at_x = first_y % rows, first_x % columns
                yield WindowPart((0, first_y, first_x), size, (
                    slice(None), slice(at_y, at_y + size[1]), slice(at_x, at_x + size[2])))

    def move_to(self, start: Plane) -> None:
        """Let the window start at (y, x) of the lattice; what it leaves is forgotten."""
        for axis, (old, new) in enumerate(zip(self.box.start, start, strict=True)):
            size = self.box.shape[axis]
            count = min(abs(new - old), size)
            entered = new + size - count if new > old else new
            for first, stop in _segments(entered, count, size):
                place = slice(first % size, first % size + stop - first)
                self._fill((slice(None), place) if axis == 0 else
                           (slice(None), slice(None), place))
        self.box = PlaneBox(start, self.box.shape)

    def clear(self) -> None:
        """Forget everything."""
        self._fill(())

    def read(self, box: PlaneBox) -> dict[str, Tensor]:
        """Return copies (Z, rows, columns) of a box; empty where it leaves the window."""
        values = {
            name: torch.full((self.shape[0], *box.shape), self._fills[name],
                             dtype=tensor.dtype, device=tensor.device)
            for name, tensor in self._tensors.items()}
        for part in self.parts(box):
            for name, copy in values.items():
                copy[part.within(box)] = self._tensors[name][part.stored]
        return values

    def write(self, box: PlaneBox, values: Mapping[str, Tensor]) -> None:
        """Replace the voxels of a box that lie in the window; values are (Z, rows, columns)."""
        for part in self.parts(box):
            here = part.within(box)
            for name, new in values.items():
                self._tensors[name][part.stored] = new[here].to(self._tensors[name])

    def _fill(self, where: tuple[slice, ...]) -> None:
        for name, tensor in self._tensors.items():
            tensor[where] = self._fills[name]

    def _intersection(self, box: PlaneBox) -> PlaneBox:
        low = [max(a, b) for a, b in zip(box.start, self.box.start, strict=True)]
        high = [min(a + n, b + m) for a, n, b, m in zip(
            box.start, box.shape, self.box.start, self.box.shape, strict=True)]
        y, x = (max(stop - first, 0) for first, stop in zip(low, high, strict=True))
        return PlaneBox((low[0], low[1]), (y, x))


def _segments(first: int, length: int, size: int) -> Iterator[tuple[int, int]]:
    """
    Yield (first, stop) of the stretches of an axis within which ``index % size`` only grows.

    >>> list(_segments(-2, 5, 4))
    [(-2, 0), (0, 3)]
    """
    last = first + length
    while first < last:
        stop = min(last, (first // size + 1) * size)
        yield first, stop
        first = stop
