"""Cut scenes into the chunks that completion networks are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssc_ros.errors import DataError
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.volume_grid import Shape


@dataclass(frozen=True, slots=True)
class ChunkRules:
    """
    How scenes are cut and which chunks are worth training on.

    Attributes:
        shape: (Z, Y, X) voxels of a chunk; all stand on the base of the scene.
        stride: voxels from one chunk to the next, along x and y.
        min_complete, min_incomplete: surface voxels that either volume has at least.
        min_gain: the complete volume has at least this share more than the incomplete one.
    """

    shape: Shape = (128, 64, 64)
    stride: int = 32
    min_complete: int = 5000
    min_incomplete: int = 1000
    min_gain: float = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The same part of an incomplete and a complete volume; ``start`` is its voxel (z, y, x)."""

    start: Shape
    incomplete: SceneVolume
    complete: SceneVolume


DEFAULT_CHUNKS = ChunkRules()


def chunk_starts(shape: Shape, rules: ChunkRules = DEFAULT_CHUNKS) -> Iterator[Shape]:
    """
    Yield where chunks start; the last of a row may reach beyond the scene.

    >>> list(chunk_starts((100, 64, 97)))
    [(0, 0, 0), (0, 0, 32), (0, 0, 64)]
    """
    rows, columns = (
        range(0, max(length - window, 0) + rules.stride, rules.stride)
        for length, window in zip(shape[1:], rules.shape[1:], strict=True))
    for y in rows:
        for x in columns:
            yield 0, y, x


def iter_chunks(
    incomplete: SceneVolume, complete: SceneVolume, rules: ChunkRules = DEFAULT_CHUNKS,
) -> Iterator[Chunk]:
    """Yield the chunks of a scene that are worth training on."""
    if incomplete.grid.shape != complete.grid.shape:
        raise DataError(f'the incomplete volume is {incomplete.grid.shape}, the complete one '
                        f'{complete.grid.shape}: fuse both on one grid')
    surfaces = incomplete.surface, complete.surface
    for start in chunk_starts(complete.grid.shape, rules):
        window = tuple(slice(first, first + length)
                       for first, length in zip(start, rules.shape, strict=True))
        before, after = (int(np.count_nonzero(surface[window])) for surface in surfaces)
        if (after >= rules.min_complete and before >= rules.min_incomplete
                and after >= (1 + rules.min_gain) * before):
            yield Chunk(start, incomplete.cropped(start, rules.shape),
                        complete.cropped(start, rules.shape))
