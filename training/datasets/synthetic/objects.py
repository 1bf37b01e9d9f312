"""Small and free-standing things of the class objs, and what hangs on walls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .furniture import Maker, Piece, Surface
from .palette import FURN, OBJS, TVS, Palette
from .solids import Solid, box, cylinder, ellipsoid, placed

Rng = np.random.Generator


def plant(rng: Rng, palette: Palette) -> Piece:
    """Return a pot with a crown of several blobs of leaves."""
    r, pot, h = rng.uniform(0.12, 0.2), rng.uniform(0.2, 0.4), rng.uniform(0.7, 1.6)
    leaves = palette.leaves()
    solids = [cylinder(0, 0, r, (0, pot), OBJS, palette.painted()),
              cylinder(0, 0, 0.025, (pot, h - 0.2), OBJS, palette.wood())]
    for _ in range(int(rng.integers(4, 8))):
        x, y = rng.normal(0, 0.1, 2)
        z = rng.uniform(pot + 0.1, h - 0.1)
        size = rng.uniform(0.1, 0.2)
        solids.append(ellipsoid((float(x), float(y), float(z)),
                                (size, size * rng.uniform(0.6, 1), size), OBJS, leaves))
    return Piece(solids, 0.5, 0.5, h)


def floor_lamp(rng: Rng, palette: Palette) -> Piece:
    """Return a foot, a pole and a shade."""
    h, r, metal = rng.uniform(1.3, 1.7), rng.uniform(0.14, 0.22), palette.metal()
    solids = [cylinder(0, 0, 0.14, (0, 0.03), OBJS, metal),
              cylinder(0, 0, 0.018, (0.03, h - 0.25), OBJS, metal),
              cylinder(0, 0, r, (h - 0.28, h), OBJS, palette.shade())]
    return Piece(solids, 2 * r, 2 * r, h)


def boxes(rng: Rng, palette: Palette) -> Piece:
    """Return a stack of one to three cartons."""
    solids, z = [], 0.0
    size = rng.uniform(0.32, 0.5, 2)
    for _ in range(int(rng.integers(1, 4))):
        h = rng.uniform(0.2, 0.38)
        w, d = size * rng.uniform(0.7, 1.0) / 2
        carton = box((-w, w), (-d, d), (0, h), OBJS, palette.bright())
        solids += placed([carton], 0, 0, float(rng.normal(0, 0.12)), z)
        z += h
    return Piece(solids, float(size[0]), float(size[1]), z)


def bin_(rng: Rng, palette: Palette) -> Piece:
    """Return a waste bin or a laundry basket."""
    r, h = rng.uniform(0.13, 0.24), rng.uniform(0.28, 0.6)
    return Piece([cylinder(0, 0, r, (0, h), OBJS, palette.fabric())], 2 * r, 2 * r, h)


def toys(rng: Rng, palette: Palette) -> Piece:
    """Return a bag with a ball or two beside it."""
    solids = [ellipsoid((0, 0.05, 0.17), (0.19, 0.13, 0.175), OBJS, palette.fabric())]
    for x in (-0.25, 0.26)[:int(rng.integers(1, 3))]:
        r = rng.uniform(0.07, 0.12)
        solids.append(ellipsoid((x, -0.05, r), (r, r, r), OBJS, palette.bright()))
    return Piece(solids, 0.7, 0.4, 0.35)


def fridge(rng: Rng, palette: Palette) -> Piece:
    """Return a refrigerator (a household appliance counts as objs)."""
    w, d, h, split = 0.6, 0.62, rng.uniform(1.5, 1.85), rng.uniform(0.45, 0.65)
    body, metal = palette.painted(), palette.metal()
    x = (-w / 2, w / 2)
    solids = [box(x, (-d / 2, d / 2), (0, h), OBJS, body),
              box(x, (-d / 2 - 0.04, -d / 2), (0.08, split - 0.008), OBJS, body),
              box(x, (-d / 2 - 0.04, -d / 2), (split + 0.008, h), OBJS, body)]
    solids += [box((x[0] + 0.04, x[0] + 0.07), (-d / 2 - 0.08, -d / 2 - 0.03), span, OBJS, metal)
               for span in ((split - 0.3, split - 0.05), (split + 0.05, split + 0.5))]
    return Piece(solids, w, d + 0.1, h, (Surface((-0.2, 0.2), (-0.2, 0.2), h, 0.3),))


def table_lamp(rng: Rng, palette: Palette) -> Piece:
    """Return a small lamp."""
    r, h, foot = rng.uniform(0.08, 0.14), rng.uniform(0.3, 0.48), palette.painted()
    solids = [ellipsoid((0, 0, 0.1), (0.06, 0.06, 0.1), OBJS, foot),
              cylinder(0, 0, 0.015, (0.1, h - 0.12), OBJS, foot),
              cylinder(0, 0, r, (h - 0.17, h), OBJS, palette.shade())]
    return Piece(solids, 2 * r, 2 * r, h)


def vase(rng: Rng, palette: Palette) -> Piece:
    """Return a vase, half of them with a bunch in it."""
    r, h = rng.uniform(0.05, 0.09), rng.uniform(0.12, 0.28)
    solids = [ellipsoid((0, 0, h / 2), (r, r, h / 2), OBJS, palette.bright())]
    if rng.random() < 0.5:
        solids.append(ellipsoid((0, 0, h + 0.08), (0.11, 0.1, 0.12), OBJS, palette.leaves()))
        h += 0.2
    return Piece(solids, 0.18, 0.18, h)


def book_pile(rng: Rng, palette: Palette) -> Piece:
    """Return a few books lying on each other."""
    solids, z = [], 0.0
    for _ in range(int(rng.integers(1, 5))):
        h = rng.uniform(0.02, 0.045)
        w, d = rng.uniform(0.09, 0.14), rng.uniform(0.07, 0.1)
        book = box((-w, w), (-d, d), (0, h), OBJS, palette.bright())
        solids += placed([book], 0, 0, float(rng.normal(0, 0.2)), z)
        z += h
    return Piece(solids, 0.28, 0.24, z)


def cup(rng: Rng, palette: Palette) -> Piece:
    """Return a cup, bottle or tin."""
    r, h = rng.uniform(0.035, 0.06), rng.uniform(0.08, 0.26)
    return Piece([cylinder(0, 0, r, (0, h), OBJS, palette.bright())], 2 * r, 2 * r, h)


def bowl(rng: Rng, palette: Palette) -> Piece:
    """Return a bowl with fruit."""
    solids = [cylinder(0, 0, 0.13, (0, 0.06), OBJS, palette.painted())]
    fruit = palette.bright()
    solids += [ellipsoid((float(x), float(y), 0.08), (0.04, 0.04, 0.04), OBJS, fruit)
               for x, y in rng.uniform(-0.07, 0.07, (4, 2))]
    return Piece(solids, 0.26, 0.26, 0.12)


def carton(rng: Rng, palette: Palette) -> Piece:
    """Return a small box, radio or basket."""
    w, d, h = rng.uniform(0.15, 0.34), rng.uniform(0.12, 0.25), rng.uniform(0.08, 0.26)
    return Piece([box((-w / 2, w / 2), (-d / 2, d / 2), (0, h), OBJS, palette.bright())], w, d, h)


SMALL: tuple[Maker, ...] = (table_lamp, vase, book_pile, book_pile, cup, cup, bowl, carton)
STANDING: tuple[Maker, ...] = (plant, plant, floor_lamp, boxes, bin_, toys)


def scatter(surface: Surface, rng: Rng, palette: Palette, density: float,
            makers: tuple[Maker, ...] = SMALL) -> list[Solid]:
    """Return small things standing on a surface without touching each other."""
    solids: list[Solid] = []
    width, depth = surface.x[1] - surface.x[0], surface.y[1] - surface.y[0]
    if width < 0.08 or depth < 0.08:
        return solids
    taken: list[tuple[float, float, float]] = []
    for _ in range(rng.poisson(density * (0.6 + 3.0 * width * depth))):
        piece = makers[int(rng.integers(len(makers)))](rng, palette)
        radius = max(piece.width, piece.depth) / 2
        if piece.height > surface.clearance or radius * 1.6 > min(width, depth):
            continue
        x = float(rng.uniform(surface.x[0], surface.x[1]))
        y = float(rng.uniform(surface.y[0], surface.y[1]))
        if any((x - a) ** 2 + (y - b) ** 2 < (radius + r) ** 2 for a, b, r in taken):
            continue
        taken.append((x, y, radius))
        solids += placed(piece.solids, x, y, float(rng.uniform(-0.5, 0.5)), surface.z)
    return solids


def wall_picture(rng: Rng, palette: Palette) -> Piece:
    """Return a framed picture, its back at y = 0 and its foot at z = 0."""
    w, h = rng.uniform(0.35, 1.0), rng.uniform(0.35, 0.75)
    solids = [box((-w / 2, w / 2), (-0.045, 0), (0, h), OBJS, palette.board()),
              box((-w / 2 + 0.04, w / 2 - 0.04), (-0.052, -0.044), (0.04, h - 0.04), OBJS,
                  palette.picture())]
    return Piece(solids, w, 0.06, h)


def wall_tv(rng: Rng, palette: Palette) -> Piece:
    """Return a wall-mounted television."""
    w = rng.uniform(0.8, 1.3)
    h = w * 0.58
    solids = [box((-w / 2, w / 2), (-0.08, 0), (0, h), TVS, palette.black()),
              box((-w / 2 + 0.02, w / 2 - 0.02), (-0.09, -0.079), (0.02, h - 0.02), TVS,
                  palette.screen())]
    return Piece(solids, w, 0.1, h)


def wall_shelf(rng: Rng, palette: Palette) -> Piece:
    """Return a board on the wall with things on it."""
    w, d = rng.uniform(0.6, 1.2), rng.uniform(0.2, 0.28)
    board = replace(palette.board(), detail=0.25)
    surface = Surface((-w / 2 + 0.08, w / 2 - 0.08), (-d + 0.06, -0.07), 0.035, 0.35)
    solids = [box((-w / 2, w / 2), (-d, 0), (0, 0.035), FURN, board)]
    return Piece(solids + scatter(surface, rng, palette, 3.0), w, d, 0.35)


def door(rng: Rng, palette: Palette) -> Piece:
    """Return a closed door in its frame, standing before the wall (a door counts as objs)."""
    w, h, leaf, frame = rng.uniform(0.75, 0.95), rng.uniform(1.95, 2.1), palette.board(), \
        palette.board()
    x = w / 2
    solids = [box((-x, x), (-0.06, 0), (0, h), OBJS, leaf),
              box((x - 0.1, x - 0.05), (-0.11, -0.055), (0.98, 1.04), OBJS, palette.metal())]
    solids += [box((s * (x + 0.04) - 0.04, s * (x + 0.04) + 0.04), (-0.08, 0), (0, h + 0.08), OBJS,
                   frame) for s in (-1, 1)]
    solids.append(box((-x, x), (-0.08, 0), (h, h + 0.08), OBJS, frame))
    for z in ((0.15, 0.85), (1.1, h - 0.15)):
        solids.append(box((-x + 0.12, x - 0.12), (-0.07, -0.055), z, OBJS, frame))
    return Piece(solids, w + 0.16, 0.12, h + 0.08)


def curtain(length: float, rng: Rng, palette: Palette) -> Piece:
    """Return a hanging curtain made of folds."""
    w, material = rng.uniform(0.2, 0.4), palette.fabric()
    folds = max(2, round(w / 0.09))
    solids = [cylinder((i + 0.5) * w / folds - w / 2, -0.06, w / folds * 0.55, (0, length), OBJS,
                       material) for i in range(folds)]
    return Piece(solids, w, 0.12, length)
