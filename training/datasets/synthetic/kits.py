"""What a room may be furnished with: makers of pieces by kind, per domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from . import furniture as f
from . import objects as o
from .furniture import Maker, Piece
from .library import RULES, Entry, catalogue, load_piece
from .palette import Palette
from .solids import placed

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Kit:
    """Makers of furniture by kind, of small things for surfaces and of free-standing ones."""

    pieces: Mapping[str, Maker]
    small: tuple[Maker, ...]
    standing: tuple[Maker, ...]


PROCEDURAL = Kit({
    'bed': f.bed, 'sofa': f.sofa, 'dining_table': f.dining_table, 'coffee_table': f.coffee_table,
    'side_table': f.side_table, 'desk': f.desk, 'nightstand': f.nightstand, 'dresser': f.dresser,
    'wardrobe': f.wardrobe, 'counter': f.counter, 'bookshelf': f.bookshelf,
    'tv_stand': f.tv_stand, 'dining_chair': f.dining_chair, 'office_chair': f.office_chair,
    'stool': f.stool, 'fridge': o.fridge, 'wall_tv': o.wall_tv,
}, o.SMALL, o.STANDING)


def _pick(entries: tuple[Entry, ...], label: int, rng: Rng, palette: Palette) -> Piece:
    return load_piece(entries[int(rng.integers(len(entries)))], label)


def _topped(base: Maker, top: Maker, chance: float, rng: Rng, palette: Palette) -> Piece:
    """Return a piece with another on its flat top, e.g. a television on a low cupboard."""
    piece = base(rng, palette)
    if not piece.surfaces or rng.random() > chance:
        return piece
    item = top(rng, palette)
    surface = piece.surfaces[0]
    free_x = surface.x[1] - surface.x[0] + 0.1 - item.width
    if free_x < 0 or item.depth > piece.depth:
        return piece
    x = float(rng.uniform(-0.5, 0.5)) * free_x
    y = float(piece.depth - item.depth) / 2 * float(rng.uniform(0.2, 0.8))
    solids = piece.solids + placed(item.solids, x, y, 0.0, piece.height)
    return Piece(solids, piece.width, piece.depth, piece.height + item.height)


@lru_cache(maxsize=4)
def furniture_kit(folder: str) -> Kit:
    """Return a kit of real models; kinds the library lacks stay procedural."""
    found = {kind: partial(_pick, entries, RULES[kind].label)
             for kind, entries in catalogue(folder).items() if entries}
    pieces: dict[str, Maker] = {**PROCEDURAL.pieces}
    pieces |= {kind: maker for kind, maker in found.items() if kind in pieces}
    if 'computer' in found:
        pieces['desk'] = partial(_topped, pieces['desk'], found['computer'], 0.85)
    if 'tv' in found:
        pieces['tv_stand'] = partial(_topped, pieces['tv_stand'], found['tv'], 0.95)
    small = (found['small'],) * 7 if 'small' in found else o.SMALL
    if 'computer' in found:
        small += (found['computer'],)
    return Kit(pieces, small, (found['standing'],) if 'standing' in found else o.STANDING)
