"""Where a person with a camera walks in a building: into every room, around, and out again."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from training.datasets.synthetic.solids import Solid
from training.datasets.synthetic.viewpoint import Viewpoint

from .building import Building, Part

CLEARANCE_M = 0.25
WALL_CLEARANCE_M = 0.45
_BODY_M = (0.5, 1.9)  # what stands between these heights is in the way
_STEP_M = 0.1
_CANDIDATES = 160

Points = NDArray[np.float64]


class Obstacles:
    """The footprints of what stands in the way."""

    def __init__(self, solids: list[Solid]) -> None:
        low, high = list[tuple[float, float]](), list[tuple[float, float]]()
        for solid in solids:
            (x, y, z), (half_x, half_y, half_z) = solid.center, solid.half
            if z - half_z > _BODY_M[1] or z + half_z < _BODY_M[0]:
                continue
            cos, sin = abs(math.cos(solid.yaw)), abs(math.sin(solid.yaw))
            reach = cos * half_x + sin * half_y, sin * half_x + cos * half_y
            low.append((x - reach[0], y - reach[1]))
            high.append((x + reach[0], y + reach[1]))
        self._low, self._high = np.array(low).reshape(-1, 2), np.array(high).reshape(-1, 2)

    def are_far(self, points: Points, clearance_m: float = CLEARANCE_M) -> NDArray[np.bool_]:
        """Tell which of (N, 2) points keep their distance from everything."""
        outside = np.maximum(self._low - points[:, None], points[:, None] - self._high)
        gap = np.linalg.norm(np.maximum(outside, 0), axis=2)
        is_far: NDArray[np.bool_] = (gap > clearance_m).all(axis=1)
        return is_far

    def is_free_line(self, start: Points, end: Points) -> bool:
        """Tell whether one can walk straight from one point to another."""
        steps = max(int(np.linalg.norm(end - start) / _STEP_M), 1) + 1
        return bool(self.are_far(np.linspace(start, end, steps)).all())


def room_stations(
    part: Part, obstacles: Obstacles, count: int, rng: np.random.Generator,
) -> list[Points]:
    """
    Return up to count free places of a room, far from each other, in the world.

    All can be reached straight from the place inside the door, which is the first of them.
    """
    width, depth, _ = part.scene.size
    half = np.array([width, depth]) / 2 - WALL_CLEARANCE_M
    local = rng.uniform(-1, 1, (_CANDIDATES, 2)) * half
    door = part.to_world(np.array([part.door]))[0]
    places = part.to_world(local)
    places = places[obstacles.are_far(places)]
    places = places[[obstacles.is_free_line(door, place) for place in places]]
    chosen = [door]
    while len(chosen) < count and len(places):
        distance = np.linalg.norm(places[:, None] - np.array(chosen), axis=2).min(axis=1)
        chosen.append(places[distance.argmax()])
        if distance.max() < 0.4:
            break
    return chosen


def walk_through(
    building: Building, frames: int, rng: np.random.Generator, stations_per_room: int = 4,
) -> list[Viewpoint]:
    """
    Return the camera's viewpoints on a walk into every room and out again.

    The camera turns once per station while it looks up and down, so that most surfaces are seen.
    """
    places, turns = _route(building, rng, stations_per_room)
    route = np.array(places)
    lengths = np.linalg.norm(np.diff(route, axis=0), axis=1)
    # Somebody standing turns, too: each leg counts a metre more than it is long.
    along = np.concatenate([[0.0], np.cumsum(lengths + 1.0)])
    at = np.linspace(0.0, along[-1], frames)
    x, y = (np.interp(at, along, route[:, axis]) for axis in (0, 1))
    phase, height = rng.uniform(0, 2 * math.pi), float(rng.uniform(1.3, 1.6))
    progress = at / max(along[-1], 1e-9)
    yaw = phase + 2 * math.pi * turns * progress
    # A slow nod out of step with the turns: ceilings in some directions, floors in others.
    nod = np.sin(2 * math.pi * (turns * 0.37 * progress) + phase)
    pitch = np.deg2rad(14 + 22 * nod)
    sway = np.sin(2 * math.pi * 3.1 * turns * progress)
    return [Viewpoint(float(px), float(py), height + 0.08 * float(s), float(a), float(p),
                      float(np.deg2rad(1.5 * s)))
            for px, py, a, p, s in zip(x, y, yaw, pitch, sway, strict=True)]


def _route(
    building: Building, rng: np.random.Generator, stations_per_room: int,
) -> tuple[list[Points], int]:
    """Return the corners of the way, and how often the camera turns around on it."""
    obstacles = Obstacles(building.solids)
    rooms = building.parts[:-1] if len(building.parts) > 1 else building.parts
    way, turns = list[Points](), 0
    for part in rooms:
        stations = room_stations(part, obstacles, stations_per_room, rng)
        turns += len(stations)
        if len(building.parts) > 1:
            before = part.to_world(np.array([[part.door[0], part.door[1] - 0.5 - 0.1 - 0.5]]))[0]
            way.append(before)
        for index, place in enumerate(stations):
            if index and not obstacles.is_free_line(way[-1], place):
                way.append(stations[0])
            way.append(place)
        if len(building.parts) > 1:
            way += [stations[0], before]
    return way if len(way) > 1 else [*way, *way], turns
