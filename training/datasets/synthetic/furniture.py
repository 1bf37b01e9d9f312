"""Beds, sofas, tables, chairs and cupboards as unions of closed solids, front towards -y."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .palette import BED, CHAIR, FURN, OBJS, SOFA, TABLE, TVS, Palette
from .solids import Material, Solid, box, cylinder, ellipsoid


@dataclass(frozen=True, slots=True)
class Surface:
    """A level rectangle small things may stand on, in the frame of its piece (metres)."""

    x: tuple[float, float]
    y: tuple[float, float]
    z: float
    clearance: float  # free height above it


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of furniture in its own frame: origin on the floor at the footprint's centre."""

    solids: list[Solid]
    width: float  # along x
    depth: float  # along y
    height: float
    surfaces: tuple[Surface, ...] = ()


Rng = np.random.Generator
Maker = Callable[[Rng, Palette], Piece]


def _legs(width: float, depth: float, size: float, z: tuple[float, float], label: int,
          material: Material, *, round_: bool = False) -> list[Solid]:
    solids = []
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * (width / 2 - size / 2), sy * (depth / 2 - size / 2)
            if round_:
                solids.append(cylinder(x, y, size / 2, z, label, material))
            else:
                solids.append(box((x - size / 2, x + size / 2), (y - size / 2, y + size / 2), z,
                                  label, material))
    return solids


def bed(rng: Rng, palette: Palette) -> Piece:
    """Return a single to king-size bed, head at +y."""
    w, d = rng.choice([0.95, 1.25, 1.45, 1.65, 1.85]), rng.uniform(1.95, 2.15)
    base, top = rng.uniform(0.22, 0.34), rng.uniform(0.42, 0.58)
    frame, sheet, cover = palette.board(), palette.fabric(), palette.fabric()
    head = rng.uniform(0.75, 1.2)
    x, y = (-w / 2, w / 2), (-d / 2, d / 2)
    solids = [box(x, y, (0.06, base), BED, frame),
              *_legs(w, d, 0.07, (0.0, 0.06), BED, frame),
              box((x[0] + 0.02, x[1] - 0.02), (y[0] + 0.02, y[1] - 0.06), (base, top), BED, sheet),
              box(x, (y[1] - 0.06, y[1]), (0.0, head), BED, frame)]
    edge = y[0] + d * rng.uniform(0.55, 0.72)
    solids.append(box((x[0] - 0.015, x[1] + 0.015), (y[0] - 0.015, edge),
                      (top - rng.uniform(0.1, 0.25), top + 0.04), BED, cover))
    if rng.random() < 0.4:
        solids.append(box(x, (y[0] - 0.06, y[0] - 0.02), (0.0, rng.uniform(0.45, 0.7)), BED,
                          frame))
    count = 1 if w < 1.3 else 2
    pillow = palette.fabric()
    for index in range(count):
        px = (index + 0.5) / count * w - w / 2
        solids.append(ellipsoid((px, y[1] - 0.3, top + 0.07),
                                (min(0.36, w / count / 2 - 0.03), 0.22, 0.1), OBJS, pillow))
    return Piece(solids, w + 0.04, d + 0.08, head,
                 (Surface((x[0] + 0.1, x[1] - 0.1), (y[0] + 0.1, edge - 0.1), top + 0.04, 0.5),))


def sofa(rng: Rng, palette: Palette) -> Piece:
    """Return an armchair or a sofa of two to three seats, sometimes with a long corner seat."""
    seats = int(rng.choice([1, 2, 2, 3, 3]))
    seat_w, arm = rng.uniform(0.56, 0.68), rng.uniform(0.12, 0.22)
    w, d = seats * seat_w + 2 * arm, rng.uniform(0.78, 0.95)
    seat, back, arms = rng.uniform(0.4, 0.47), rng.uniform(0.72, 0.92), rng.uniform(0.52, 0.66)
    body, cushion, pillow = palette.fabric(), palette.fabric(), palette.fabric()
    if rng.random() < 0.6:
        cushion = body
    x, y = (-w / 2, w / 2), (-d / 2, d / 2)
    solids = [box(x, y, (0.07, seat - 0.14), SOFA, body),
              *_legs(w, d, 0.06, (0.0, 0.07), SOFA, palette.metal()),
              box(x, (y[1] - 0.2, y[1]), (0.07, back), SOFA, body),
              box((x[0], x[0] + arm), y, (0.07, arms), SOFA, body),
              box((x[1] - arm, x[1]), y, (0.07, arms), SOFA, body)]
    for index in range(seats):
        left = x[0] + arm + index * seat_w
        solids.append(box((left + 0.008, left + seat_w - 0.008), (y[0] - 0.02, y[1] - 0.2),
                          (seat - 0.14, seat), SOFA, cushion))
        solids.append(box((left + 0.02, left + seat_w - 0.02), (y[1] - 0.34, y[1] - 0.2),
                          (seat, back - 0.06), SOFA, cushion))
        if rng.random() < 0.4:
            solids.append(ellipsoid((left + seat_w / 2, y[1] - 0.44, seat + 0.19),
                                    (0.21, 0.1, 0.19), OBJS, pillow))
    depth = d + 0.04
    if seats >= 2 and rng.random() < 0.3:
        reach = rng.uniform(0.5, 0.75)
        solids.append(box((x[0], x[0] + arm + seat_w), (y[0] - reach, y[0] - 0.02), (0.07, seat),
                          SOFA, body))
        solids = [_shifted(solid, reach / 2) for solid in solids]
        depth += reach
    return Piece(solids, w, depth, back)


def _shifted(solid: Solid, dy: float) -> Solid:
    x, y, z = solid.center
    return Solid(solid.kind, (x, y + dy, z), solid.half, solid.yaw, solid.label, solid.material)


def _table(w: float, d: float, height: float, top: Material, leg: Material, rng: Rng) -> Piece:
    thick = rng.uniform(0.03, 0.05)
    solids = [box((-w / 2, w / 2), (-d / 2, d / 2), (height - thick, height), TABLE, top)]
    style = rng.random()
    if style < 0.6:
        solids += _legs(w - 0.06, d - 0.06, rng.uniform(0.04, 0.08), (0, height - thick), TABLE,
                        leg, round_=rng.random() < 0.4)
        solids.append(box((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.05, d / 2 - 0.05),
                          (height - thick - 0.07, height - thick), TABLE, leg))
    else:
        for sx in (-1, 1):
            x = sx * (w / 2 - 0.08)
            solids.append(box((x - 0.025, x + 0.025), (-d / 2 + 0.04, d / 2 - 0.04),
                              (0, height - thick), TABLE, leg))
    surface = Surface((-w / 2 + 0.06, w / 2 - 0.06), (-d / 2 + 0.06, d / 2 - 0.06), height, 0.6)
    return Piece(solids, w, d, height, (surface,))


def dining_table(rng: Rng, palette: Palette) -> Piece:
    """Return a rectangular or round dining table."""
    top = palette.board()
    leg = top if rng.random() < 0.6 else palette.metal()
    height = rng.uniform(0.71, 0.77)
    if rng.random() < 0.3:
        r = rng.uniform(0.42, 0.62)
        solids = [cylinder(0, 0, r, (height - 0.04, height), TABLE, top),
                  cylinder(0, 0, 0.06, (0.03, height - 0.04), TABLE, leg),
                  cylinder(0, 0, r * 0.55, (0, 0.03), TABLE, leg)]
        half = r * 0.65
        return Piece(solids, 2 * r, 2 * r, height,
                     (Surface((-half, half), (-half, half), height, 0.6),))
    return _table(rng.uniform(1.1, 1.8), rng.uniform(0.75, 0.95), height, top, leg, rng)


def coffee_table(rng: Rng, palette: Palette) -> Piece:
    """Return a low table, half of them with a lower board."""
    top = palette.board()
    w, d, height = rng.uniform(0.7, 1.2), rng.uniform(0.45, 0.65), rng.uniform(0.36, 0.48)
    piece = _table(w, d, height, top, top if rng.random() < 0.6 else palette.metal(), rng)
    if rng.random() < 0.5:
        piece.solids.append(box((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.05, d / 2 - 0.05),
                                (0.12, 0.15), TABLE, top))
    return piece


def side_table(rng: Rng, palette: Palette) -> Piece:
    """Return a small square table."""
    side = rng.uniform(0.4, 0.55)
    return _table(side, side, rng.uniform(0.45, 0.6), palette.board(), palette.board(), rng)


def _monitor(x: float, y: float, z: float, w: float, rng: Rng, palette: Palette) -> list[Solid]:
    """Return a screen on a foot, its glass towards -y."""
    h, frame = w * rng.uniform(0.56, 0.64), palette.black()
    low = z + rng.uniform(0.07, 0.12)
    return [box((x - w / 2, x + w / 2), (y - 0.02, y + 0.04), (low, low + h), TVS, frame),
            box((x - w / 2 + 0.015, x + w / 2 - 0.015), (y - 0.028, y - 0.019),
                (low + 0.02, low + h - 0.015), TVS, palette.screen()),
            box((x - 0.03, x + 0.03), (y + 0.035, y + 0.065), (z + 0.015, low + h / 2), TVS,
                frame),
            box((x - w / 5, x + w / 5), (y - 0.06, y + 0.12), (z, z + 0.02), TVS, frame)]


def desk(rng: Rng, palette: Palette) -> Piece:
    """Return a desk, often with drawers and a monitor or a laptop."""
    w, d, height = rng.uniform(1.0, 1.6), rng.uniform(0.6, 0.8), rng.uniform(0.71, 0.77)
    top = palette.board()
    piece = _table(w, d, height, top, top if rng.random() < 0.5 else palette.metal(), rng)
    solids = list(piece.solids)
    if rng.random() < 0.6:
        side = rng.choice([-1.0, 1.0])
        x = (0.06, 0.46) if side > 0 else (-0.46, -0.06)
        x = (x[0] + side * (w / 2 - 0.52), x[1] + side * (w / 2 - 0.52))
        solids += _drawers(x, (-d / 2 + 0.05, d / 2 - 0.03), (0.04, height - 0.06), 3, TABLE, top,
                           palette)
    left, right = -w / 2 + 0.06, w / 2 - 0.06
    if rng.random() < 0.85:
        screens = 2 if w > 1.35 and rng.random() < 0.35 else 1
        size = rng.uniform(0.45, 0.62)
        for index in range(screens):
            x = (index - (screens - 1) / 2) * (size + 0.04)
            solids += _monitor(x, d / 2 - 0.2, height, size, rng, palette)
        solids.append(box((-0.22, 0.22), (-d / 2 + 0.1, -d / 2 + 0.24), (height, height + 0.025),
                          OBJS, palette.black()))
        half = screens * size / 2 + 0.05
        surfaces = (Surface((left, -half), (-d / 2 + 0.08, d / 2 - 0.08), height, 0.5),
                    Surface((half, right), (-d / 2 + 0.08, d / 2 - 0.08), height, 0.5))
    else:
        surfaces = (Surface((left, right), (-d / 2 + 0.08, d / 2 - 0.08), height, 0.5),)
    return Piece(solids, w, d, height + 0.4, surfaces)


def _drawers(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], rows: int,
             label: int, material: Material, palette: Palette, columns: int = 1) -> list[Solid]:
    """Return a body with front plates and handles on its -y side."""
    front, handle = material, palette.metal()
    solids = [box(x, y, z, label, material)]
    for row in range(rows):
        for column in range(columns):
            x0 = x[0] + (x[1] - x[0]) * column / columns + 0.012
            x1 = x[0] + (x[1] - x[0]) * (column + 1) / columns - 0.012
            z0 = z[0] + (z[1] - z[0]) * row / rows + 0.012
            z1 = z[0] + (z[1] - z[0]) * (row + 1) / rows - 0.012
            solids.append(box((x0, x1), (y[0] - 0.02, y[0] + 0.01), (z0, z1), label, front))
            middle, top = (x0 + x1) / 2, z1 - min(0.05, (z1 - z0) / 3)
            solids.append(box((middle - 0.05, middle + 0.05), (y[0] - 0.045, y[0] - 0.015),
                              (top - 0.012, top + 0.012), label, handle))
    return solids


def _cupboard(w: float, d: float, h: float, rows: int, columns: int, palette: Palette) -> Piece:
    material = palette.board()
    plinth = 0.06
    solids = [box((-w / 2 + 0.02, w / 2 - 0.02), (-d / 2 + 0.03, d / 2), (0, plinth), FURN,
                  material),
              *_drawers((-w / 2, w / 2), (-d / 2, d / 2), (plinth, h), rows, FURN, material,
                        palette, columns)]
    surface = Surface((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.06, d / 2 - 0.05), h,
                      0.6 if h < 1.3 else 0.3)
    return Piece(solids, w, d + 0.05, h, (surface,))


def nightstand(rng: Rng, palette: Palette) -> Piece:
    """Return a bedside cupboard."""
    return _cupboard(rng.uniform(0.4, 0.55), rng.uniform(0.35, 0.45), rng.uniform(0.42, 0.6),
                     int(rng.integers(1, 4)), 1, palette)


def dresser(rng: Rng, palette: Palette) -> Piece:
    """Return a chest of drawers or a sideboard."""
    return _cupboard(rng.uniform(0.8, 1.6), rng.uniform(0.4, 0.52), rng.uniform(0.7, 1.15),
                     int(rng.integers(2, 5)), int(rng.integers(1, 4)), palette)


def wardrobe(rng: Rng, palette: Palette) -> Piece:
    """Return a tall wardrobe with doors."""
    return _cupboard(rng.uniform(0.8, 1.8), rng.uniform(0.52, 0.62), rng.uniform(1.75, 2.15), 1,
                     int(rng.integers(2, 4)), palette)


def counter(rng: Rng, palette: Palette) -> Piece:
    """Return a kitchen counter with a worktop."""
    w, d = rng.uniform(1.2, 2.2), 0.6
    piece = _cupboard(w, d, 0.86, int(rng.integers(1, 3)), int(rng.integers(2, 5)), palette)
    top = palette.board()
    solids = [*piece.solids, box((-w / 2, w / 2), (-d / 2 - 0.03, d / 2), (0.86, 0.9), FURN, top)]
    surface = Surface((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.05, d / 2 - 0.05), 0.9, 0.5)
    return Piece(solids, w, d + 0.06, 0.9, (surface,))


def bookshelf(rng: Rng, palette: Palette) -> Piece:
    """Return open shelves with books and boxes."""
    w, d, h = rng.uniform(0.6, 1.3), rng.uniform(0.26, 0.38), rng.uniform(1.1, 2.1)
    material, board = palette.board(), 0.03
    shelves = max(3, round(h / 0.36))
    x, y = (-w / 2, w / 2), (-d / 2, d / 2)
    solids = [box((x[0], x[0] + board), y, (0, h), FURN, material),
              box((x[1] - board, x[1]), y, (0, h), FURN, material),
              box((x[0] + board, x[1] - board), (y[1] - board, y[1]), (0, h), FURN, material)]
    for level in range(shelves + 1):
        z = level * (h - board) / shelves
        inner = (x[0] + board, x[1] - board)
        solids.append(box(inner, (y[0], y[1] - board), (z, z + board), FURN, material))
        if level < shelves:
            solids += _shelf_filling(inner, (y[0] + 0.03, y[1] - board), z + board,
                                     (h - board) / shelves - board, rng, palette)
    return Piece(solids, w, d, h,
                 (Surface((x[0] + 0.1, x[1] - 0.1), (y[0] + 0.05, y[1] - 0.05), h, 0.3),))


def _shelf_filling(x: tuple[float, float], y: tuple[float, float], z: float, free: float,
                   rng: Rng, palette: Palette) -> list[Solid]:
    """Return blocks of books (a few spines each) and a box or vase now and then."""
    solids: list[Solid] = []
    at = x[0] + 0.01
    while at < x[1] - 0.12:
        kind = rng.random()
        if kind < 0.68:
            width = rng.uniform(0.03, 0.075)
            height = free * rng.uniform(0.6, 0.93)
            solids.append(box((at, at + width), (y[0] + rng.uniform(0, 0.04), y[1] - 0.01),
                              (z, z + height), OBJS, palette.bright()))
        elif kind < 0.84:
            width = rng.uniform(0.14, 0.22)
            width = min(width, x[1] - at - 0.01)
            solids.append(box((at, at + width), (y[0], y[1] - 0.02),
                              (z, z + free * rng.uniform(0.4, 0.8)), OBJS, palette.bright()))
        else:
            width = rng.uniform(0.08, 0.3)
        at += width + 0.003
    return solids


def tv_stand(rng: Rng, palette: Palette) -> Piece:
    """Return low furniture with a television on it."""
    w, d, h = rng.uniform(1.0, 1.8), rng.uniform(0.38, 0.5), rng.uniform(0.38, 0.58)
    piece = _cupboard(w, d, h, 1, int(rng.integers(2, 4)), palette)
    screen = min(w * 0.95, rng.uniform(0.75, 1.25))
    solids = piece.solids + _monitor(0.0, 0.04, h, screen, rng, palette)
    surfaces: tuple[Surface, ...] = ()
    if (w - screen) / 2 > 0.16:
        surfaces = (Surface((-w / 2 + 0.03, -screen / 2 - 0.03), (-d / 2 + 0.05, d / 2 - 0.05), h,
                            0.5),)
    return Piece(solids, w, d + 0.05, h + screen * 0.7, surfaces)


def dining_chair(rng: Rng, palette: Palette) -> Piece:
    """Return a chair with four legs and a back at +y."""
    w, seat, back = rng.uniform(0.4, 0.5), rng.uniform(0.43, 0.48), rng.uniform(0.82, 1.02)
    frame = palette.board() if rng.random() < 0.7 else palette.metal()
    cushion = palette.fabric() if rng.random() < 0.6 else frame
    leg = rng.uniform(0.035, 0.05)
    solids = [box((-w / 2, w / 2), (-w / 2, w / 2), (seat - 0.04, seat), CHAIR, cushion),
              *_legs(w, w, leg, (0, seat - 0.04), CHAIR, frame, round_=rng.random() < 0.4)]
    y = (w / 2 - 0.035, w / 2 + 0.005)
    if rng.random() < 0.5:
        solids.append(box((-w / 2, w / 2), y, (seat + 0.08, back), CHAIR, cushion))
        solids += [box((s * (w / 2 - 0.03) - 0.02, s * (w / 2 - 0.03) + 0.02), y,
                       (seat - 0.02, seat + 0.1), CHAIR, frame) for s in (-1, 1)]
    else:
        solids += [box((x - 0.02, x + 0.02), y, (seat - 0.02, back), CHAIR, frame)
                   for x in np.linspace(-w / 2 + 0.02, w / 2 - 0.02, 4)]
        solids.append(box((-w / 2, w / 2), (y[0] - 0.004, y[1] + 0.004), (back - 0.09, back),
                          CHAIR, frame))
    return Piece(solids, w, w + 0.02, back)


def office_chair(rng: Rng, palette: Palette) -> Piece:
    """Return a swivel chair with arms."""
    cloth, metal = palette.fabric(), palette.metal()
    seat, back = rng.uniform(0.45, 0.54), rng.uniform(0.9, 1.15)
    w = rng.uniform(0.46, 0.54)
    solids = [box((-w / 2, w / 2), (-w / 2, w / 2), (seat - 0.08, seat), CHAIR, cloth),
              cylinder(0, 0, 0.035, (0.08, seat - 0.08), CHAIR, metal),
              box((-0.3, 0.3), (-0.03, 0.03), (0.03, 0.08), CHAIR, metal),
              box((-0.03, 0.03), (-0.3, 0.3), (0.031, 0.079), CHAIR, metal),
              box((-w / 2 + 0.02, w / 2 - 0.02), (w / 2 - 0.06, w / 2 + 0.03), (seat + 0.08, back),
                  CHAIR, cloth),
              box((-0.04, 0.04), (w / 2 - 0.03, w / 2 + 0.02), (seat - 0.05, seat + 0.12), CHAIR,
                  metal)]
    for s in (-1, 1):
        x = s * (w / 2 + 0.025)
        solids.append(box((x - 0.025, x + 0.025), (-w / 3, w / 3), (seat + 0.18, seat + 0.22),
                          CHAIR, metal))
        solids.append(box((x - 0.02, x + 0.02), (-0.03, 0.03), (seat - 0.05, seat + 0.18), CHAIR,
                          metal))
    solids += [cylinder(x, y, 0.03, (0.0, 0.05), CHAIR, metal)
               for x, y in ((0.28, 0), (-0.28, 0), (0, 0.28), (0, -0.28))]
    return Piece(solids, 0.6, 0.62, back)


def stool(rng: Rng, palette: Palette) -> Piece:
    """Return a round stool."""
    r, h, material = rng.uniform(0.16, 0.22), rng.uniform(0.42, 0.65), palette.board()
    solids = [cylinder(0, 0, r, (h - 0.05, h), CHAIR, palette.fabric()),
              *_legs(1.5 * r, 1.5 * r, 0.04, (0, h - 0.05), CHAIR, material, round_=True)]
    return Piece(solids, 2 * r, 2 * r, h)
