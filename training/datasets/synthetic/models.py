"""Furniture models as parts of a solid: textured triangles and the cells they fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELL_M = 0.02
_SAMPLE_M = 0.012  # distance of surface samples: closer than a cell, so that no cell is missed

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ModelPart:
    """
    Triangles of one material, around the centre of the model they belong to, front to -y.

    Attributes:
        triangles, normals: (T, 3, 3) metres and unit vectors (zero = use the flat normal).
        uvs: (T, 3, 2) texture coordinates.
        texture: mip levels (S, S, 3) of linear colour, or None for a plain part.
        tiles_per_m: how often the texture repeats along one metre.
        cells: occupancy (X, Y, Z) of the whole model in 0.02 m cells; carried by its first part.
    """

    triangles: Float
    normals: Float
    uvs: Float
    texture: tuple[Float, ...] | None
    tiles_per_m: float
    cells: NDArray[np.bool_] | None


def mip_levels(texture: NDArray[np.uint8]) -> tuple[Float, ...]:
    """Return a square sRGB texture in linear light, and all its halvings."""
    image = (texture.astype(np.float32) / 255) ** np.float32(2.2)
    levels = [image]
    while image.shape[0] > 2:
        half = image.shape[0] // 2
        image = image.reshape(half, 2, half, 2, 3).mean((1, 3), dtype=np.float32)
        levels.append(image)
    return tuple(levels)


def sample_texture(levels: tuple[Float, ...], uv: Float, footprint: Float) -> Float:
    """
    Look a texture up bilinearly at the mip level of each pixel.

    Args:
        uv: (N, 2) coordinates, v upwards as in OBJ files.
        footprint: (N,) side of a pixel in tiles.
    """
    size = levels[0].shape[0]
    level = np.rint(np.log2(np.maximum(footprint * size, 1))).astype(int)
    level = np.minimum(level, len(levels) - 1)
    colors = np.empty((len(uv), 3), np.float32)
    for index in np.unique(level):
        chosen = level == index
        colors[chosen] = _bilinear(levels[index], uv[chosen])
    return colors


def _bilinear(image: Float, uv: Float) -> Float:
    side = image.shape[0]
    x, y = uv[:, 0] * side - np.float32(0.5), (1 - uv[:, 1]) * side - np.float32(0.5)
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    x1, y1, x0, y0 = (x0 + 1) % side, (y0 + 1) % side, x0 % side, y0 % side
    top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
    bottom = image[y1, x0] * (1 - fx) + image[y1, x1] * fx
    return (top * (1 - fy) + bottom * fy).astype(np.float32)


def fill_cells(triangles: Float, size: tuple[float, float, float]) -> NDArray[np.bool_]:
    """
    Return which 0.02 m cells of a model's bounding box its surface touches or its body fills.

    Models are rarely closed, so "inside" is: surface in all four level directions and above.
    The open front of a shelf keeps it empty; a cupboard, a mattress or a sofa is solid.

    Args:
        triangles: (T, 3, 3) around the centre of the box.
        size: extents of the box in metres.
    """
    shape = [max(1, round(length / CELL_M)) for length in size]
    cells = np.zeros(shape, bool)
    points = _surface_samples(triangles)
    index = np.floor((points / size + 0.5) * shape).astype(int)
    index = np.clip(index, 0, np.array(shape) - 1)
    cells[tuple(index.T)] = True
    inside = ~cells
    for axis in (0, 1):
        inside &= np.logical_or.accumulate(cells, axis)
        inside &= np.flip(np.logical_or.accumulate(np.flip(cells, axis), axis), axis)
    inside &= np.flip(np.logical_or.accumulate(np.flip(cells, 2), 2), 2)
    return cells | inside


def _surface_samples(triangles: Float) -> Float:
    edges = np.linalg.norm(np.roll(triangles, -1, axis=1) - triangles, axis=2).max(axis=1)
    steps = np.maximum(1, 2 ** np.ceil(np.log2(np.maximum(edges / _SAMPLE_M, 1)))).astype(int)
    samples = []
    for count in np.unique(steps):
        i, j = np.mgrid[:count + 1, :count + 1]
        keep = i + j <= count
        weights = np.stack([count - i - j, i, j], -1)[keep] / count
        chosen = triangles[steps == count]
        samples.append(np.einsum('wk,tkc->twc', weights, chosen).reshape(-1, 3))
    return np.concatenate(samples).astype(np.float32)
