"""Compose a furnished room: theme, walls, windows, furniture without overlaps, small things."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from . import objects as o
from .furniture import Maker, Piece
from .kits import Kit
from .palette import FLOOR, Palette
from .shell import (
    Light,
    Opening,
    Scene,
    Wall,
    ceiling_lamp,
    slabs,
    wall_solids,
    walls_of,
    window_light,
    window_solids,
)
from .solids import Solid, box, placed

Rng = np.random.Generator
Rectangle = tuple[float, float, float, float]  # x low, x high, y low, y high

CAMERA_FREE_M = 0.95

# What each theme puts against walls and in the middle: (kind, probability).
WALL_PIECES: dict[str, list[tuple[str, float]]] = {
    'bedroom': [('bed', 1.0), ('wardrobe', 0.6), ('tv_stand', 0.6), ('desk', 0.5),
                ('dresser', 0.5), ('bookshelf', 0.4), ('dining_chair', 0.4), ('sofa', 0.25)],
    'living': [('sofa', 1.0), ('tv_stand', 0.9), ('bookshelf', 0.6), ('sofa', 0.55),
               ('dresser', 0.5), ('dining_chair', 0.4), ('desk', 0.25)],
    'office': [('desk', 1.0), ('desk', 0.8), ('sofa', 0.45), ('bookshelf', 0.7),
               ('bookshelf', 0.4), ('dresser', 0.5), ('wardrobe', 0.3)],
    'dining': [('dresser', 0.7), ('sofa', 0.6), ('tv_stand', 0.5), ('counter', 0.4),
               ('fridge', 0.35), ('bookshelf', 0.4), ('wardrobe', 0.2)],
    'studio': [('bed', 0.9), ('sofa', 0.8), ('desk', 0.7), ('tv_stand', 0.6), ('wardrobe', 0.5),
               ('counter', 0.35), ('fridge', 0.3), ('bookshelf', 0.4)],
    'mixed': [('sofa', 0.6), ('bed', 0.35), ('desk', 0.5), ('tv_stand', 0.5), ('wardrobe', 0.4),
              ('counter', 0.3), ('bookshelf', 0.5), ('dresser', 0.4), ('dining_chair', 0.5)],
}
MIDDLE = {'bedroom': 0.25, 'living': 0.35, 'office': 0.5, 'dining': 1.0, 'studio': 0.55,
          'mixed': 0.7}


@dataclass
class _Floor:
    """What stands where on the floor, and which stretches of wall must stay low or empty."""

    width: float
    depth: float
    camera_xy: tuple[float, float]
    taken: list[Rectangle] = field(default_factory=list)
    wall_low: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)
    wall_taken: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)

    def is_free(self, x: float, y: float, half_x: float, half_y: float) -> bool:
        """Tell whether a rectangle lies in the room, off the camera and off other furniture."""
        if abs(x) + half_x > self.width / 2 or abs(y) + half_y > self.depth / 2:
            return False
        near_x = max(abs(x - self.camera_xy[0]) - half_x, 0.0)
        near_y = max(abs(y - self.camera_xy[1]) - half_y, 0.0)
        if math.hypot(near_x, near_y) < CAMERA_FREE_M:
            return False
        return all(x + half_x <= a or x - half_x >= b or y + half_y <= c or y - half_y >= d
                   for a, b, c, d in self.taken)

    def take(self, x: float, y: float, half_x: float, half_y: float) -> None:
        """Reserve a rectangle with a small gap around it."""
        gap = 0.03
        self.taken.append((x - half_x - gap, x + half_x + gap, y - half_y - gap, y + half_y + gap))


class RoomBuilder:
    """Furnishes one room from one random generator."""

    def __init__(self, rng: Rng, size: tuple[float, float, float],
                 camera_xy: tuple[float, float], kit: Kit) -> None:
        self.rng, self.size, self.kit = rng, size, kit
        self.palette = Palette(rng)
        self.floor = _Floor(size[0], size[1], camera_xy)
        self.walls = walls_of(size[0], size[1])
        self.solids: list[Solid] = []
        self.lights: list[Light] = []
        self.density = float(rng.uniform(0.6, 1.8))

    def build(self, theme: str) -> Scene:
        """Return the scene of a theme."""
        self._structure()
        self._rug()
        if self.rng.random() < MIDDLE[theme] and theme in ('dining', 'mixed', 'studio', 'office'):
            self._dining_group()
        kinds = [kind for kind, chance in WALL_PIECES[theme] if self.rng.random() < chance]
        for kind in kinds:
            self._against_wall(kind)
        if theme in ('living', 'bedroom', 'studio') and self.rng.random() < 0.8:
            self._free(self.kit.pieces['coffee_table'])
        self._on_walls(theme)
        for kind, chance in (('dining_chair', 0.7), ('office_chair', 0.3), ('stool', 0.35),
                             ('side_table', 0.45), ('nightstand', 0.3)):
            if self.rng.random() < chance:
                self._free(self.kit.pieces[kind])
        standing = self.kit.standing
        for _ in range(int(self.rng.integers(1, 5))):
            self._free(standing[int(self.rng.integers(len(standing)))])
        return Scene(self.solids, self.lights, self.size, theme)

    def _structure(self) -> None:
        rng, (width, depth, height) = self.rng, self.size
        self.solids += slabs(width, depth, height, self.palette)
        paint = self.palette.wall()
        names = ['back', 'left', 'right', 'front']
        windowed = {str(rng.choice(names[:3], p=[0.6, 0.2, 0.2]))}
        if rng.random() < 0.6:
            windowed.add(str(rng.choice(names[:3])))
        windows: list[Solid] = []
        for name in names:
            accent = self.palette.wall() if rng.random() < 0.25 else paint
            wall, openings = self.walls[name], []
            if name in windowed:
                openings = self._openings(name, wall, height)
            self.solids += wall_solids(wall, height, openings, accent)
            for opening in openings:
                windows += window_solids(wall, opening, rng, self.palette)
                day = float(rng.uniform(0.15, 1.5))
                tint = float(rng.uniform(0.85, 1.15))
                self.lights.append(window_light(wall, opening, (day, day, day * tint)))
                windows += self._curtains(wall, opening)
        self.solids += windows
        for _ in range(1 if rng.random() < 0.75 else 2):
            x, y = rng.uniform(-0.25, 0.25) * width, rng.uniform(-0.2, 0.3) * depth
            lamp, light = ceiling_lamp(float(x), float(y), height, rng, self.palette)
            self.solids += lamp
            self.lights.append(light)
        self._doors()

    def _openings(self, name: str, wall: Wall, height: float) -> list[Opening]:
        rng = self.rng
        # The far part of the side walls is what the camera sees.
        side = {'left': 1.0, 'right': -1.0}.get(name, 0.0)
        middle = side * wall.length * rng.uniform(0.05, 0.25) if side else \
            wall.length * rng.uniform(-0.2, 0.2)
        half = rng.uniform(0.5, 1.0)
        sill = rng.uniform(0.05, 0.2) if rng.random() < 0.15 else rng.uniform(0.7, 1.0)
        lintel = min(height - 0.2, max(sill + 1.0, rng.uniform(1.9, 2.25)))
        limit = wall.length / 2 - 0.2
        low, high = max(middle - half, -limit), min(middle + half, limit)
        self.floor.wall_low.setdefault(name, []).append((low - 0.1, high + 0.1, sill + 0.15))
        self.floor.wall_taken.setdefault(name, []).append((low - 0.4, high + 0.4, 0.3))
        return [Opening(float(low), float(high), float(sill), float(lintel))]

    def _curtains(self, wall: Wall, opening: Opening) -> list[Solid]:
        if self.rng.random() < 0.55:
            return []
        top = opening.lintel + 0.1
        foot = 0.03 if self.rng.random() < 0.5 else max(opening.sill - 0.15, 0.03)
        solids: list[Solid] = []
        for along in (opening.low - 0.1, opening.high + 0.1):
            piece = o.curtain(top - foot, self.rng, self.palette)
            solids += wall.onto(piece.solids, along, foot, gap=0.02)
        return solids

    def _doors(self) -> None:
        for name in self.rng.permutation(['back', 'left', 'right'])[:1]:
            if self.rng.random() < 0.6:
                wall, piece = self.walls[str(name)], o.door(self.rng, self.palette)
                along = self._along(wall, piece.width, str(name))
                if along is None or self._is_blocked(str(name), along, piece, 0.0):
                    continue
                x, y = wall.point(along, 0.45)
                if not self.floor.is_free(x, y, 0.3, 0.3):
                    continue
                self.solids += wall.onto(piece.solids, along, gap=0.0)
                self._reserve(str(name), along, piece)
                self.floor.take(x, y, *self._halves(wall, piece.width, 0.85))

    def _halves(self, wall: Wall, along: float, across: float) -> tuple[float, float]:
        turned = abs(math.sin(wall.yaw)) > 0.5
        return (across / 2, along / 2) if turned else (along / 2, across / 2)

    def _along(self, wall: Wall, width: float, name: str) -> float | None:
        """Return a random place along a wall, on the side walls mostly in the far part."""
        limit = wall.length / 2 - width / 2 - 0.03
        if limit <= 0:
            return None
        if name == 'back':
            return float(self.rng.uniform(-limit, limit))
        far = 1.0 if name == 'left' else -1.0
        return far * float(limit * self.rng.uniform(-0.45, 1.0))

    def _is_blocked(self, name: str, along: float, piece: Piece, z: float) -> bool:
        low, high = along - piece.width / 2, along + piece.width / 2
        windows = any(low < b and high > a and z + piece.height > limit
                      for a, b, limit in self.floor.wall_low.get(name, []))
        hung = any(low < b and high > a and z + piece.height > foot
                   for a, b, foot in self.floor.wall_taken.get(name, []) if z > 0)
        return windows or hung

    def _reserve(self, name: str, along: float, piece: Piece, z: float = 0.0) -> None:
        """Keep what hangs on walls away from here; a low piece leaves the wall above it free."""
        self.floor.wall_taken.setdefault(name, []).append(
            (along - piece.width / 2, along + piece.width / 2, z))

    def _against_wall(self, kind: str) -> bool:
        piece = self.kit.pieces[kind](self.rng, self.palette)
        for _ in range(14):
            name = str(self.rng.choice(['back', 'left', 'right'], p=[0.44, 0.28, 0.28]))
            wall = self.walls[name]
            along = self._along(wall, piece.width, name)
            if along is None or self._is_blocked(name, along, piece, 0.0):
                continue
            gap = float(self.rng.uniform(0.01, 0.06))
            x, y = wall.point(along, piece.depth / 2 + gap)
            halves = self._halves(wall, piece.width, piece.depth)
            if not self.floor.is_free(x, y, *halves):
                continue
            self._put(piece, x, y, wall.yaw)
            self.floor.take(x, y, *halves)
            if piece.height > 0.8:
                self._reserve(name, along, piece)
            self._companions(kind, piece, wall, along)
            return True
        return False

    def _companions(self, kind: str, piece: Piece, wall: Wall, along: float) -> None:
        """Put nightstands beside beds, chairs before desks, tables before sofas."""
        if kind == 'bed':
            for side in (-1, 1):
                if self.rng.random() < 0.65:
                    stand = self.kit.pieces['nightstand'](self.rng, self.palette)
                    at = along + side * (piece.width + stand.width + 0.12) / 2
                    self._try(stand, wall, at, stand.depth / 2 + 0.03, wall.yaw)
        elif kind == 'desk':
            seat = 'office_chair' if self.rng.random() < 0.65 else 'dining_chair'
            chair = self.kit.pieces[seat](self.rng, self.palette)
            turn = math.pi + float(self.rng.normal(0, 0.35))
            before = piece.depth + chair.depth * float(self.rng.uniform(0.45, 0.8))
            self._try(chair, wall, along + float(self.rng.normal(0, 0.1)), before, wall.yaw + turn)
        elif kind == 'sofa' and self.rng.random() < 0.65:
            table = self.kit.pieces['coffee_table'](self.rng, self.palette)
            before = piece.depth + table.depth / 2 + float(self.rng.uniform(0.25, 0.5))
            self._try(table, wall, along, before, wall.yaw)

    def _try(self, piece: Piece, wall: Wall, along: float, before: float, yaw: float) -> bool:
        x, y = wall.point(along, before)
        return self._stand(piece, x, y, yaw)

    def _stand(self, piece: Piece, x: float, y: float, yaw: float) -> bool:
        """Put a piece if the bounding rectangle of its turned footprint is free."""
        cos, sin = abs(math.cos(yaw)), abs(math.sin(yaw))
        half_x = (cos * piece.width + sin * piece.depth) / 2
        half_y = (sin * piece.width + cos * piece.depth) / 2
        if not self.floor.is_free(x, y, half_x, half_y):
            return False
        self._put(piece, x, y, yaw)
        self.floor.take(x, y, half_x, half_y)
        return True

    def _put(self, piece: Piece, x: float, y: float, yaw: float) -> None:
        solids = list(piece.solids)
        for surface in piece.surfaces:
            solids += o.scatter(surface, self.rng, self.palette, self.density, self.kit.small)
        self.solids += placed(solids, x, y, yaw)

    def _free(self, maker: Maker) -> None:
        piece = maker(self.rng, self.palette)
        for _ in range(10):
            x = float(self.rng.uniform(-0.5, 0.5)) * self.size[0]
            y = float(self.rng.uniform(-0.25, 0.5)) * self.size[1]
            if self._stand(piece, x, y, float(self.rng.uniform(-math.pi, math.pi))):
                return

    def _dining_group(self) -> None:
        table = self.kit.pieces['dining_table'](self.rng, self.palette)
        for _ in range(10):
            x = float(self.rng.uniform(-0.2, 0.2)) * self.size[0]
            y = float(self.rng.uniform(-0.05, 0.25)) * self.size[1]
            yaw = float(self.rng.choice([0.0, math.pi / 2])) + float(self.rng.normal(0, 0.06))
            if self._stand(table, x, y, yaw):
                break
        else:
            return
        # One seed for all chairs of the group, so that they are a set.
        seed = int(self.rng.integers(2 ** 31))
        cos, sin = math.cos(yaw), math.sin(yaw)
        for side_x, side_y in ((-0.25, -1), (0.25, -1), (-0.25, 1), (0.25, 1), (-1, 0), (1, 0)):
            if self.rng.random() < 0.25:
                continue
            rng = np.random.default_rng(seed)
            chair = self.kit.pieces['dining_chair'](rng, Palette(rng))
            reach = float(self.rng.uniform(0.1, 0.3))
            local_x = side_x * table.width if side_y else side_x * (table.width / 2 + reach + 0.1)
            local_y = side_y * (table.depth / 2 + reach + 0.1)
            facing = math.atan2(-side_x if not side_y else 0.0, side_y)
            turn = yaw + facing + float(self.rng.normal(0, 0.12))
            self._stand(chair, x + cos * local_x - sin * local_y,
                        y + sin * local_x + cos * local_y, turn)

    def _rug(self) -> None:
        if self.rng.random() < 0.5:
            return
        w, d = self.rng.uniform(0.6, 1.2, 2)
        x = float(self.rng.uniform(-0.15, 0.15)) * self.size[0]
        y = float(self.rng.uniform(-0.1, 0.25)) * self.size[1]
        rug = box((-w, w), (-d, d), (0.0, 0.012), FLOOR, self.palette.fabric())
        self.solids += placed([rug], x, y, float(self.rng.normal(0, 0.15)))

    def _on_walls(self, theme: str) -> None:
        makers: list[Maker] = [o.wall_picture] * int(self.rng.integers(0, 4))
        if self.rng.random() < (0.5 if theme in ('dining', 'living', 'mixed') else 0.25):
            makers.insert(0, self.kit.pieces['wall_tv'])
        if self.rng.random() < 0.35:
            makers.append(o.wall_shelf)
        for maker in makers:
            piece = maker(self.rng, self.palette)
            for _ in range(8):
                name = str(self.rng.choice(['back', 'left', 'right'], p=[0.5, 0.25, 0.25]))
                along = self._along(self.walls[name], piece.width, name)
                z = float(self.rng.uniform(1.15, 1.5))
                if along is None or z + piece.height > self.size[2] - 0.1 or \
                        self._is_blocked(name, along, piece, z):
                    continue
                self.solids += self.walls[name].onto(piece.solids, along, z)
                self._reserve(name, along, piece, z=0.01)
                break


THEMES = tuple(WALL_PIECES)
# Living rooms are drawn more often: nothing else holds as many sofas.
THEME_SHARES = (0.2, 0.28, 0.14, 0.13, 0.13, 0.12)


def furnished_scene(rng: Rng, size: tuple[float, float, float], camera_xy: tuple[float, float],
                    kit: Kit) -> Scene:
    """Return a random room, furnished from the kit, around a camera standing at camera_xy."""
    theme = str(rng.choice(THEMES, p=THEME_SHARES))
    return RoomBuilder(rng, size, camera_xy, kit).build(theme)
