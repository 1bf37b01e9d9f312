"""Several furnished rooms on both sides of a corridor, joined by open doors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.transforms import make_rigid
from training.datasets.synthetic.kits import Kit
from training.datasets.synthetic.layout import furnished_scene
from training.datasets.synthetic.palette import WALL, Palette
from training.datasets.synthetic.shell import (
    SHELL_M,
    Light,
    Opening,
    Scene,
    Wall,
    ceiling_lamp,
    slabs,
    wall_solids,
    walls_of,
)
from training.datasets.synthetic.solids import Solid, box, placed

from ..frame import Matrix

CORRIDOR_M = 1.5
DOOR_M, DOOR_HEIGHT_M = 0.95, 2.05
# Ceilings lie within the 128 voxels of 2 cm that networks look at, the floor at the fourth.
HEIGHTS_M = (2.3, 2.42)
_LAMP_EVERY_M = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """
    A room or the corridor.

    Attributes:
        scene: in its own frame, the floor's middle at the origin.
        T_world_part: a turn about z and a shift.
        door: (x, y) in its own frame just inside its door; the middle of the corridor.
    """

    scene: Scene
    T_world_part: Matrix
    door: tuple[float, float]

    @property
    def solids(self) -> list[Solid]:
        """The solids in the world."""
        x, y, _ = self.T_world_part[:3, 3]
        return placed(self.scene.solids, x, y, self._yaw)

    @property
    def lights(self) -> list[Light]:
        """The lights in the world."""
        turn, shift = self.T_world_part[:3, :3], self.T_world_part[:3, 3]
        return [replace(light, samples=(light.samples @ turn.T + shift).astype(np.float32),
                        normal=tuple(float(v) for v in turn @ np.asarray(light.normal)))
                for light in self.scene.lights]

    def to_world(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (N, 2) points on the floor into the world."""
        return points @ self.T_world_part[:2, :2].T + self.T_world_part[:2, 3]

    @property
    def _yaw(self) -> float:
        return math.atan2(self.T_world_part[1, 0], self.T_world_part[0, 0])


@dataclass(frozen=True, slots=True, eq=False)
class Building:
    """Rooms, the last part being the corridor where there is more than one room."""

    parts: tuple[Part, ...]

    @property
    def solids(self) -> list[Solid]:
        """All solids in the world, in drawing order."""
        return [solid for part in self.parts for solid in part.solids]

    @property
    def lights(self) -> list[Light]:
        """All lights in the world."""
        return [light for part in self.parts for light in part.lights]

    @property
    def bounds_m(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper corner (x, y, z) of everything there is, the floor's surface being 0."""
        corners = np.concatenate([_corners(part) for part in self.parts])
        return corners.min(axis=0), corners.max(axis=0)


def make_building(rng: np.random.Generator, rooms: int, kit: Kit) -> Building:
    """Return so many rooms, alternately on the two sides of a corridor; one stands alone."""
    height = float(rng.uniform(*HEIGHTS_M))
    ends = {1: 0.0, -1: 0.0}  # how far along x each side is built
    parts = list[Part]()
    for index in range(rooms):
        side = 1 if index % 2 == 0 else -1
        size = (float(rng.uniform(3.4, 4.8)), float(rng.uniform(3.2, 4.4)), height)
        part = _room(rng, size, kit, has_door=rooms > 1)
        x = ends[side] + size[0] / 2 + SHELL_M
        ends[side] += size[0] + 2 * SHELL_M
        y = side * (CORRIDOR_M / 2 + SHELL_M + size[1] / 2)
        turn = np.diag([side, side, 1.0])  # the rooms on the other side face back
        parts.append(replace(part, T_world_part=make_rigid(turn, [x, y, 0.0])))
    if rooms > 1:
        parts.append(_corridor(rng, ends, height))
    return Building(tuple(parts))


def _room(
    rng: np.random.Generator, size: tuple[float, float, float], kit: Kit, *, has_door: bool,
) -> Part:
    """Furnish a room whose camera would stand before the door in its front wall."""
    width, depth, height = size
    door_x = float(rng.uniform(-1, 1)) * (width / 2 - 0.8)
    inside = (door_x, -depth / 2 + 0.5)
    scene = furnished_scene(rng, size, inside, kit)
    if has_door:
        wall = walls_of(width, depth)['front']
        opening = Opening(-door_x - DOOR_M / 2, -door_x + DOOR_M / 2, 0.0, DOOR_HEIGHT_M)
        scene = replace(scene, solids=_opened(scene.solids, wall, height, opening))
    return Part(scene, np.eye(4), inside)


def _opened(
    solids: list[Solid], wall: Wall, height: float, opening: Opening,
) -> list[Solid]:
    """Put a wall with a door hole in the place of the closed one."""
    closed = wall_solids(wall, height, [], solids[0].material)[0]
    result = list[Solid]()
    for solid in solids:
        if solid.label == WALL and np.allclose(solid.center, closed.center) \
                and np.allclose(solid.half, closed.half):
            # A door has no sill: the wall below it is flat.
            result += [part for part in wall_solids(wall, height, [opening], solid.material)
                       if min(part.half) > 1e-6]
        else:
            result.append(solid)
    return result


def _corridor(rng: np.random.Generator, ends: dict[int, float], height: float) -> Part:
    """Return the corridor between the rooms; what no room closes, a wall does."""
    length = max(ends.values())
    palette = Palette(rng)
    paint = palette.wall()
    half, z = CORRIDOR_M / 2, (0.0, height)
    solids = slabs(length, CORRIDOR_M, height, palette)
    for x in (-length / 2 - SHELL_M, length / 2):
        solids.append(box((x, x + SHELL_M), (-half - SHELL_M, half + SHELL_M), z, WALL, paint))
    for side, end in ends.items():
        if end < length - 1e-6:
            y = sorted((side * half, side * (half + SHELL_M)))
            solids.append(box((end - length / 2, length / 2), y, z, WALL, paint))
    lights = list[Light]()
    for x in np.linspace(-length / 2, length / 2, max(round(length / _LAMP_EVERY_M), 1) + 2)[1:-1]:
        lamp, light = ceiling_lamp(float(x), 0.0, height, rng, palette)
        solids += lamp
        lights.append(light)
    scene = Scene(solids, lights, (length, CORRIDOR_M, height), 'corridor')
    return Part(scene, make_rigid(np.eye(3), [length / 2, 0.0, 0.0]), (0.0, 0.0))


def _corners(part: Part) -> NDArray[np.float64]:
    width, depth, height = part.scene.size
    flat = np.array([[x, y] for x in (-width / 2, width / 2) for y in (-depth / 2, depth / 2)])
    floor = np.column_stack([part.to_world(flat), np.zeros(4)])
    return np.concatenate([floor, floor + np.array([0.0, 0.0, height])])
