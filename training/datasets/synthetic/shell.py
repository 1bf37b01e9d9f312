"""The room itself: floor, ceiling, walls with windows, and its lamps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .palette import CEILING, FLOOR, WALL, WINDOW, Palette
from .solids import Color, Material, Solid, box, placed

SHELL_M = 0.1  # thickness of walls and ceiling: at least one 0.08 m voxel survives everywhere


@dataclass(frozen=True, slots=True)
class Light:
    """A small rectangle of light: fixed samples, so that both eyes see the same shadows."""

    samples: NDArray[np.float32]  # (S, 3) metres, in the room frame
    normal: tuple[float, float, float]
    power: Color  # radiance times area


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall seen from inside: its own frame has x along it, the room at y < 0."""

    length: float
    yaw: float
    x: float
    y: float

    def onto(self, solids: list[Solid], along: float, z: float = 0.0, *,
             gap: float = 0.0) -> list[Solid]:
        """Move solids whose back is at y = 0 to this wall, gap metres in front of it."""
        moved = placed(solids, along, -gap)
        return placed(moved, self.x, self.y, self.yaw, z)

    def point(self, along: float, before: float) -> tuple[float, float]:
        """Return the room coordinates of a point `before` metres in front of the wall."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return (cos * along + sin * before + self.x, sin * along - cos * before + self.y)


@dataclass(frozen=True, slots=True)
class Scene:
    """All solids of a room, in drawing order (later ones own shared space)."""

    solids: list[Solid]
    lights: list[Light]
    size: tuple[float, float, float]  # inner width, depth, height in metres, centred on x = y = 0
    theme: str


def walls_of(width: float, depth: float) -> dict[str, Wall]:
    """Return the four walls by name; the camera looks from front to back."""
    return {
        'back': Wall(width, 0.0, 0.0, depth / 2),
        'left': Wall(depth, math.pi / 2, -width / 2, 0.0),
        'right': Wall(depth, -math.pi / 2, width / 2, 0.0),
        'front': Wall(width, math.pi, 0.0, -depth / 2),
    }


@dataclass(frozen=True, slots=True)
class Opening:
    """A window hole in a wall, in metres along it and above the floor."""

    low: float
    high: float
    sill: float
    lintel: float


def wall_solids(wall: Wall, height: float, openings: list[Opening], material: Material,
                ) -> list[Solid]:
    """Return the wall around its openings; walls overlap at the corners of the room."""
    edge = wall.length / 2 + SHELL_M
    y = (0.0, SHELL_M)
    solids, at = [], -edge
    for opening in sorted(openings, key=lambda o: o.low):
        solids.append(box((at, opening.low), y, (0, height), WALL, material))
        span = (opening.low, opening.high)
        solids.append(box(span, y, (0, opening.sill), WALL, material))
        solids.append(box(span, y, (opening.lintel, height), WALL, material))
        at = opening.high
    solids.append(box((at, edge), y, (0, height), WALL, material))
    return placed(solids, wall.x, wall.y, wall.yaw)


def window_solids(wall: Wall, opening: Opening, rng: np.random.Generator,
                  palette: Palette) -> list[Solid]:
    """Return frame, bars, pane and a sill that fill an opening through the whole wall."""
    frame, pane = palette.painted(), palette.outside()
    low, high, sill, lintel = opening.low, opening.high, opening.sill, opening.lintel
    bar, y = 0.05, (-0.015, SHELL_M)
    solids = [box((low, high), (0.05, SHELL_M), (sill, lintel), WINDOW, pane),
              box((low, low + bar), y, (sill, lintel), WINDOW, frame),
              box((high - bar, high), y, (sill, lintel), WINDOW, frame),
              box((low, high), y, (sill, sill + bar), WINDOW, frame),
              box((low, high), y, (lintel - bar, lintel), WINDOW, frame)]
    for index in range(1, int(rng.integers(1, 4))):
        x = low + (high - low) * index / 2.0
        if x < high - 0.1:
            solids.append(box((x - 0.025, x + 0.025), (0.01, SHELL_M), (sill, lintel), WINDOW,
                              frame))
    if rng.random() < 0.4:
        z = sill + 0.6 * (lintel - sill)
        solids.append(box((low, high), (0.015, SHELL_M), (z - 0.02, z + 0.02), WINDOW, frame))
    if rng.random() < 0.6:
        solids.append(box((low - 0.06, high + 0.06), (-0.12, -0.001), (sill - 0.035, sill), WINDOW,
                          frame))
    return placed(solids, wall.x, wall.y, wall.yaw)


def window_light(wall: Wall, opening: Opening, power: Color) -> Light:
    """Return daylight entering through an opening (2 x 2 samples)."""
    points = []
    for fx in (0.25, 0.75):
        for fz in (0.3, 0.8):
            x, y = wall.point(opening.low + fx * (opening.high - opening.low), 0.03)
            points.append((x, y, opening.sill + fz * (opening.lintel - opening.sill)))
    area = (opening.high - opening.low) * (opening.lintel - opening.sill)
    inwards = (math.sin(wall.yaw), -math.cos(wall.yaw), 0.0)
    return Light(np.array(points, np.float32), inwards,
                 tuple(channel * area for channel in power))  # type: ignore[arg-type]


def slabs(width: float, depth: float, height: float, palette: Palette) -> list[Solid]:
    """Return floor and ceiling."""
    x = (-width / 2 - SHELL_M, width / 2 + SHELL_M)
    y = (-depth / 2 - SHELL_M, depth / 2 + SHELL_M)
    return [box(x, y, (-SHELL_M, 0), FLOOR, palette.floor()),
            box(x, y, (height, height + SHELL_M), CEILING, palette.ceiling())]


def ceiling_lamp(x: float, y: float, height: float, rng: np.random.Generator,
                 palette: Palette) -> tuple[list[Solid], Light]:
    """Return a flat panel under the ceiling and its light (2 x 2 samples)."""
    w, d = rng.uniform(0.15, 0.6, 2)
    tint = rng.uniform(0.6, 1.0)
    color = (1.0, 0.75 + 0.25 * tint, 0.5 + 0.5 * tint)
    plain = palette.ceiling()
    glow = Material(plain.pattern, color, color, 0.5, 0.05, 1.2)
    solid = box((x - w, x + w), (y - d, y + d), (height - 0.03, height), CEILING, glow)
    points = [(x + sx * w / 2, y + sy * d / 2, height - 0.05) for sx in (-1, 1) for sy in (-1, 1)]
    strength = rng.uniform(0.6, 1.4)
    power = tuple(strength * channel for channel in color)
    return [solid], Light(np.array(points, np.float32), (0, 0, -1), power)  # type: ignore[arg-type]
