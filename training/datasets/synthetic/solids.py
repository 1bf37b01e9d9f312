"""Solids (boxes, upright cylinders, ellipsoids, models) that every room is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .models import ModelPart

BOX, CYLINDER, ELLIPSOID, MESH = range(4)

Color = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface looks: two colours mixed by a tiling pattern, fine detail and glow."""

    pattern: str
    color_a: Color  # linear RGB in 0..1 where the pattern is 0
    color_b: Color  # linear RGB in 0..1 where the pattern is 1
    period_m: float  # side of one pattern tile
    detail: float = 0.2  # relative strength of the fine speckle stereo matching needs
    glow: float = 0.0  # emitted radiance, 0 for ordinary surfaces
    offset: tuple[float, float] = (0.0, 0.0)  # in tiles


@dataclass(frozen=True, slots=True)
class Solid:
    """One solid, upright: turned about z only. Lengths in metres; a MESH carries its model."""

    kind: int
    center: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw: float
    label: int
    material: Material
    model: ModelPart | None = None


def box(x: Sequence[float], y: Sequence[float], z: Sequence[float], label: int,
        material: Material) -> Solid:
    """Return the axis-aligned box spanning the (low, high) pairs x, y and z."""
    center = tuple((low + high) / 2 for low, high in (x, y, z))
    half = tuple((high - low) / 2 for low, high in (x, y, z))
    return Solid(BOX, center, half, 0.0, label, material)  # type: ignore[arg-type]


def cylinder(x: float, y: float, radius: float, z: Sequence[float], label: int,
             material: Material) -> Solid:
    """Return the upright cylinder around (x, y) between the heights z."""
    half = (radius, radius, (z[1] - z[0]) / 2)
    return Solid(CYLINDER, (x, y, (z[0] + z[1]) / 2), half, 0.0, label, material)


def ellipsoid(center: tuple[float, float, float], half: tuple[float, float, float], label: int,
              material: Material) -> Solid:
    """Return the ellipsoid with the given half axes."""
    return Solid(ELLIPSOID, center, half, 0.0, label, material)


def placed(solids: Iterable[Solid], x: float, y: float, yaw: float = 0.0,
           z: float = 0.0) -> list[Solid]:
    """Turn the solids by yaw about the z axis of their frame, then move them to (x, y, z)."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    return [
        replace(
            solid, yaw=solid.yaw + yaw,
            center=(cos * solid.center[0] - sin * solid.center[1] + x,
                    sin * solid.center[0] + cos * solid.center[1] + y, solid.center[2] + z))
        for solid in solids]


def triangulate(solids: Sequence[Solid]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the surface triangles (T, 3, 3) of all solids and their owners (T,)."""
    units = {BOX: _unit_box(), CYLINDER: _unit_cylinder(), ELLIPSOID: _unit_sphere()}
    triangles, owners = [], []
    for index, solid in enumerate(solids):
        if solid.model is not None:
            local = solid.model.triangles.astype(np.float64)
        else:
            local = units[solid.kind] * np.asarray(solid.half)
        cos, sin = math.cos(solid.yaw), math.sin(solid.yaw)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        triangles.append(local @ turn.T + np.asarray(solid.center))
        owners.append(np.full(len(local), index, np.int32))
    return np.concatenate(triangles).astype(np.float32), np.concatenate(owners)


def _unit_box() -> NDArray[np.float64]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return np.array([corners[[q[0], q[i], q[i + 1]]] for q in quads for i in (1, 2)])


def _unit_cylinder(segments: int = 24) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(segments + 1) / segments
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    low = np.column_stack([ring, -np.ones(segments + 1)])
    high = np.column_stack([ring, np.ones(segments + 1)])
    bottom, top = np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])
    faces = []
    for i in range(segments):
        faces += [(low[i], low[i + 1], high[i + 1]), (low[i], high[i + 1], high[i]),
                  (bottom, low[i + 1], low[i]), (top, high[i], high[i + 1])]
    return np.array(faces)


def _unit_sphere(rings: int = 10, segments: int = 20) -> NDArray[np.float64]:
    polar = np.pi * np.arange(rings + 1) / rings
    angle = 2 * np.pi * np.arange(segments + 1) / segments
    points = np.stack([np.outer(np.sin(polar), np.cos(angle)),
                       np.outer(np.sin(polar), np.sin(angle)),
                       np.outer(np.cos(polar), np.ones_like(angle))], -1)
    a, b = points[:-1, :-1], points[1:, :-1]
    c, d = points[1:, 1:], points[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], 2).reshape(-1, 3, 3),
                            np.stack([a, c, d], 2).reshape(-1, 3, 3)])
    area = np.linalg.norm(np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]), axis=1)
    return faces[area > 1e-9]  # the poles collapse one of the two triangles of a quad
