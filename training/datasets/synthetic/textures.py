"""A fixed bank of tileable grey patterns, sampled with mip maps."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 512
LEVELS = 8
_BANK_SEED = 20261121

Image = NDArray[np.float32]


def _filtered(rng: np.random.Generator, slope: float, *, stretch: float = 1.0,
              low_cut: float = 0.0) -> Image:
    """Return tileable noise in 0..1 with a 1/f**slope spectrum, stretched along x."""
    fx = np.fft.fftfreq(TILE)[None, :] * TILE * stretch
    fy = np.fft.fftfreq(TILE)[:, None] * TILE
    radius = np.hypot(fx, fy)
    gain = np.where(radius > low_cut, 1.0 / np.maximum(radius, 1.0) ** slope, 0.0)
    gain[0, 0] = 0.0
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((TILE, TILE))) * gain).real
    return np.clip(0.5 + 0.2 * noise / noise.std(), 0, 1).astype(np.float32)


def _cells(rng: np.random.Generator, rows: int, columns: int, shift: float = 0.0,
           gap: int = 3) -> tuple[Image, NDArray[np.bool_]]:
    """Return a random value per cell of a brick-like grid, and the mask of its joints."""
    y, x = np.mgrid[:TILE, :TILE]
    height, width = TILE // rows, TILE // columns
    row = y // height
    moved = (x + (row * shift * width).astype(int)) % TILE
    values = rng.random((rows + 1, columns + 1)).astype(np.float32)
    joints = (y % height < gap) | (moved % width < gap)
    return values[row % rows, (moved // width) % columns], joints


def _planks(rng: np.random.Generator) -> Image:
    value, joints = _cells(rng, 8, 2, 0.37)
    grain = _filtered(rng, 1.2, stretch=10.0)
    return np.where(joints, 0.0, 0.25 + 0.45 * value + 0.6 * (grain - 0.5)).astype(np.float32)


def _tiles(rng: np.random.Generator) -> Image:
    value, joints = _cells(rng, 4, 4, gap=6)
    cloud = _filtered(rng, 1.4)
    return np.where(joints, 0.05, 0.45 + 0.25 * value + 0.7 * (cloud - 0.5)).astype(np.float32)


def _bricks(rng: np.random.Generator) -> Image:
    value, joints = _cells(rng, 16, 8, 0.5, gap=4)
    rough = _filtered(rng, 0.8)
    return np.where(joints, 0.9, 0.15 + 0.4 * value + 0.5 * (rough - 0.5)).astype(np.float32)


def _weave(rng: np.random.Generator) -> Image:
    y, x = np.mgrid[:TILE, :TILE] * (2 * np.pi * 48 / TILE)
    threads = np.sin(x) * np.sign(np.sin(y / 2)) + np.sin(y) * np.sign(np.sin(x / 2))
    return (0.5 + 0.16 * threads + 0.9 * (_filtered(rng, 0.9) - 0.5)).astype(np.float32)


def _stripes(rng: np.random.Generator) -> Image:
    bands = np.repeat(rng.permutation(np.linspace(0, 1, 16)), TILE // 16)
    noise = _filtered(rng, 0.7)
    return (0.75 * bands[None, :] + 0.1 + 0.4 * (noise - 0.5)).astype(np.float32)


def _checks(rng: np.random.Generator) -> Image:
    y, x = np.mgrid[:TILE, :TILE] // (TILE // 8)
    plaid = 0.35 * ((x % 2) + (y % 2)) + 0.3 * (x % 4 == 0) * (y % 4 == 0)
    return (0.1 + plaid + 0.35 * (_filtered(rng, 0.7) - 0.5)).astype(np.float32)


def _dots(rng: np.random.Generator) -> Image:
    image = np.full((TILE, TILE), 0.15, np.float32)
    for x, y in rng.integers(0, TILE, (90, 2)):
        for dx in (-TILE, 0, TILE):
            for dy in (-TILE, 0, TILE):
                cv2.circle(image, (int(x + dx), int(y + dy)), 8 + int(x) % 14,
                           0.55 + 0.4 * (int(y) % 7) / 7, -1)
    return image + 0.4 * (_filtered(rng, 0.7) - 0.5)


def _blotches(rng: np.random.Generator) -> Image:
    steps = np.digitize(_filtered(rng, 1.6), [0.35, 0.45, 0.55, 0.65]) / 4.0
    return (0.85 * steps + 0.35 * (_filtered(rng, 0.7) - 0.35)).astype(np.float32)


def _marble(rng: np.random.Generator) -> Image:
    x = np.arange(TILE)[None, :] / TILE
    veins = np.abs(np.sin(2 * np.pi * (2 * x + 2.5 * _filtered(rng, 1.7))))
    return (veins ** 0.5 * 0.8 + 0.3 * (_filtered(rng, 0.8) - 0.3)).astype(np.float32)


def _leather(rng: np.random.Generator) -> Image:
    seeds = np.ones((TILE * 3, TILE * 3), np.uint8)
    points = rng.integers(0, TILE, (700, 2))
    for dx in range(3):
        for dy in range(3):
            seeds[points[:, 0] + dx * TILE, points[:, 1] + dy * TILE] = 0
    distance = cv2.distanceTransform(seeds, cv2.DIST_L2, 5)[TILE:2 * TILE, TILE:2 * TILE]
    creases = np.clip(1 - distance / 14.0, 0, 1)
    return (0.2 + 0.5 * creases + 0.5 * (_filtered(rng, 1.3) - 0.4)).astype(np.float32)


def _picture(rng: np.random.Generator) -> Image:
    """Return overlapping shapes: posters, screens and the view outside."""
    image = cv2.GaussianBlur(_filtered(rng, 1.8), (0, 0), 2)
    for _ in range(26):
        x, y = (int(v) for v in rng.integers(40, TILE - 40, 2))
        size, shade = int(rng.integers(12, 70)), float(rng.random())
        if rng.random() < 0.5:
            cv2.circle(image, (x, y), size, shade, -1)
        else:
            cv2.rectangle(image, (x, y), (x + size, y + size // 2 + 8), shade, -1)
    return (image + 0.25 * (_filtered(rng, 0.8) - 0.5)).astype(np.float32)


def _text(rng: np.random.Generator) -> Image:
    """Return rows of short dark dashes on a light ground: pages, labels, spines."""
    image = np.full((TILE, TILE), 0.85, np.float32)
    for row in range(12, TILE - 12, 20):
        x = int(rng.integers(8, 40))
        while x < TILE - 30:
            length = int(rng.integers(6, 44))
            cv2.rectangle(image, (x, row), (x + length, row + 8), float(rng.random() * 0.4), -1)
            x += length + int(rng.integers(6, 20))
    return image


def _wood(rng: np.random.Generator) -> Image:
    y = np.arange(TILE)[:, None] / TILE
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * y + 3 * _filtered(rng, 1.8, stretch=6.0)))
    return (0.2 + 0.4 * rings + 0.7 * (_filtered(rng, 1.1, stretch=12.0) - 0.45)).astype(
        np.float32)


def _carpet(rng: np.random.Generator) -> Image:
    return 0.5 * _filtered(rng, 0.3) + 0.5 * _filtered(rng, 1.5)


_MAKERS = {
    'plaster': lambda rng: 0.5 * _filtered(rng, 1.1) + 0.5 * _filtered(rng, 0.6, low_cut=16),
    'speckle': lambda rng: _filtered(rng, 0.55, low_cut=6.0),
    'wood': _wood, 'planks': _planks, 'tiles': _tiles, 'bricks': _bricks, 'weave': _weave,
    'stripes': _stripes, 'checks': _checks, 'dots': _dots, 'blotches': _blotches,
    'marble': _marble, 'leather': _leather, 'picture': _picture, 'picture2': _picture,
    'picture3': _picture, 'text': _text, 'carpet': _carpet,
}

PATTERNS = tuple(_MAKERS)


@lru_cache(maxsize=1)
def _bank() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all patterns and mip levels as one flat array, and each level's start in it."""
    levels: list[list[NDArray[np.uint8]]] = [[] for _ in range(LEVELS)]
    for index, maker in enumerate(_MAKERS.values()):
        image = np.clip(maker(np.random.default_rng([_BANK_SEED, index])), 0, 1)
        for level in levels:
            level.append(np.round(image * 255).astype(np.uint8))
            image = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean((1, 3))
    flat = [np.stack(level).ravel() for level in levels]
    starts = np.cumsum([0] + [len(level) for level in flat[:-1]])
    return np.concatenate(flat), starts.astype(np.int64)


def sample(pattern: NDArray[np.int64], u: Image, v: Image, footprint: Image) -> Image:
    """
    Look patterns up at tile coordinates, filtered to the pixel footprint.

    Args:
        pattern: (N,) index into PATTERNS.
        u, v: (N,) coordinates in tiles (1 = one repeat).
        footprint: (N,) side of a pixel on the surface, in tiles.

    Returns: (N,) float32 in 0..1.
    """
    level = np.log2(np.maximum(footprint * TILE, 1.0))
    level = np.minimum(level, LEVELS - 1.001)
    base = level.astype(np.int64)
    part = (level - base).astype(np.float32)
    fine = _bilinear(pattern, u, v, base)
    return fine + part * (_bilinear(pattern, u, v, base + 1) - fine)


def _bilinear(pattern: NDArray[np.int64], u: Image, v: Image, level: NDArray[np.int64]) -> Image:
    bank, starts = _bank()
    side = TILE >> level
    x, y = u * side - 0.5, v * side - 0.5
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    mask = side - 1
    start = starts[level] + pattern * side * side
    row0, row1 = start + (y0 & mask) * side, start + ((y0 + 1) & mask) * side
    x0, x1 = x0 & mask, (x0 + 1) & mask
    top = bank[row0 + x0] * (1 - fx) + bank[row0 + x1] * fx
    bottom = bank[row1 + x0] * (1 - fx) + bank[row1 + x1] * fx
    return ((top * (1 - fy) + bottom * fy) / np.float32(255)).astype(np.float32)
