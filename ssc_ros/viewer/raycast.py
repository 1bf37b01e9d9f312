"""Ray-cast pictures of voxel faces with Embree; no OpenGL, no display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.viewer.mesh import VoxelMesh
from ssc_ros.viewer.viewpoint import Viewpoint

BACKGROUND_TOP = (250, 251, 253)
BACKGROUND_BOTTOM = (220, 226, 234)
_EDGE_WIDTH_CELLS = 0.04
_EDGE_BRIGHTNESS = 0.80
# Size of a cell in the picture from which its edges begin to show, and show fully.
_HIDDEN_EDGE_PX, _FULL_EDGE_PX = 3.0, 8.0
_AMBIENT, _SUN = 0.70, 0.34
# The sun stands high, behind the viewer's left shoulder: right, down, forward of the picture.
_SUN_SIDEWAYS, _SUN_BACKWARDS = 0.45, 0.5
_HATCH_WHITE, _HATCH_STRIPE_WHITE = 0.28, 0.55
_HATCH_PERIOD_CELLS = 3.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    """
    Rays that met a face.

    Attributes:
        pixels: (N,) index of the ray.
        faces: (N,) face it met.
        across, along: (N,) where on the face, 0..1 from its first corner.
        points: (N, 3) where in space.
    """

    pixels: NDArray[np.int64]
    faces: NDArray[np.int64]
    across: Floats
    along: Floats
    points: Floats


def require_embree() -> tuple[Any, Any]:
    """Return Embree's scene and mesh classes; ConfigurationError names the missing extra."""
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError as error:
        raise ConfigurationError(
            'pictures need the package embreex, which is not installed: '
            'pip install "ssc_ros[viewer]"') from error
    return EmbreeScene, TriangleMesh


def render_faces(
    mesh: VoxelMesh, face_colors: NDArray[np.uint8], brightness: Floats, viewpoint: Viewpoint, *,
    height: int, width: int, is_hatched: NDArray[np.bool_] | None = None, samples: int = 2,
) -> NDArray[np.uint8]:
    """
    Draw voxel faces with cell edges, soft corners and the shadows of a high sun.

    Args:
        face_colors: (F, 3) uint8 RGB.
        brightness: (F, 4) of the face corners, see ``corner_brightness``.
        height, width: size of the picture in pixels.
        is_hatched: (F,) faces drawn lighter, with diagonal stripes.
        samples: rays per pixel along each side.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ConfigurationError: embreex is not installed.
    """
    scene_class, mesh_class = require_embree()
    rows, columns = height * samples, width * samples
    colors = _background(rows, columns)
    if len(mesh):
        scene = scene_class()
        mesh_class(scene, mesh.vertices, mesh.triangles)
        hits = _cast(scene, viewpoint, rows, columns)
        albedo = face_colors[hits.faces].astype(np.float32)
        if is_hatched is not None:
            _hatch(albedo, hits, mesh, is_hatched)
        light = _light(scene, hits, mesh, viewpoint) * _corner_light(hits, brightness)
        depth_m = (hits.points - viewpoint.eye) @ viewpoint.axes[2]
        cell_px = mesh.grid.voxel_size_m * width / (2 * viewpoint.tan_half_width * depth_m)
        colors[hits.pixels] = albedo * (light * _edges(hits, cell_px))[:, None]
    picture = colors.reshape(height, samples, width, samples, 3).mean(axis=(1, 3))
    rounded: NDArray[np.uint8] = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return rounded


def _background(rows: int, columns: int) -> Floats:
    share = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    gradient = np.array(BACKGROUND_TOP) * (1 - share) + np.array(BACKGROUND_BOTTOM) * share
    return np.repeat(gradient, columns, axis=0).astype(np.float32)


def _cast(scene: Any, viewpoint: Viewpoint, rows: int, columns: int) -> _Hits:
    directions = viewpoint.rays(rows, columns)
    origins = np.broadcast_to(viewpoint.eye.astype(np.float32), directions.shape)
    result = scene.run(np.ascontiguousarray(origins), directions, output=True)
    pixels = np.flatnonzero(result['primID'] >= 0)
    triangles, u, v = (result[name][pixels] for name in ('primID', 'u', 'v'))
    # Triangle 2f is corners 0 1 2 of the face, 2f + 1 is corners 0 2 3 (see VoxelMesh).
    is_first = triangles % 2 == 0
    across, along = np.where(is_first, u + v, u), np.where(is_first, v, u + v)
    points = viewpoint.eye + directions[pixels] * result['tfar'][pixels, None]
    return _Hits(pixels, triangles // 2, across, along, points.astype(np.float32))


def _light(scene: Any, hits: _Hits, mesh: VoxelMesh, viewpoint: Viewpoint) -> Floats:
    """Return (N,) ambient light plus the sun where it reaches."""
    right, down, forward = viewpoint.axes
    up_axis = int(np.argmax(np.abs(down)))
    sun = np.eye(3)[up_axis] * -np.sign(down[up_axis])
    sun = sun - _SUN_SIDEWAYS * right - _SUN_BACKWARDS * (forward - sun * (forward @ sun))
    sun = (sun / np.linalg.norm(sun)).astype(np.float32)
    normals = mesh.normals[hits.faces]
    facing: Floats = np.maximum(normals @ sun, 0)
    is_lit = facing > 0
    start = hits.points[is_lit] + normals[is_lit] * np.float32(mesh.grid.voxel_size_m * 0.02)
    directions = np.ascontiguousarray(np.broadcast_to(sun, start.shape))
    facing[is_lit] *= scene.run(start, directions, query='OCCLUDED') < 0
    return np.float32(_AMBIENT) + np.float32(_SUN) * facing


def _corner_light(hits: _Hits, brightness: Floats) -> Floats:
    corners = brightness[hits.faces]
    low = corners[:, 0] + (corners[:, 1] - corners[:, 0]) * hits.across
    high = corners[:, 3] + (corners[:, 2] - corners[:, 3]) * hits.across
    light: Floats = low + (high - low) * hits.along
    return light


def _edges(hits: _Hits, cell_px: Floats) -> Floats:
    """Darken the border of each cell; lines finer than the pixels would only flicker."""
    border = np.minimum(np.minimum(hits.across, 1 - hits.across),
                        np.minimum(hits.along, 1 - hits.along))
    strength = np.clip((cell_px - _HIDDEN_EDGE_PX) / (_FULL_EDGE_PX - _HIDDEN_EDGE_PX), 0, 1)
    darkening: Floats = (1 - _EDGE_BRIGHTNESS) * strength * (border < _EDGE_WIDTH_CELLS)
    return 1 - darkening


def _hatch(albedo: Floats, hits: _Hits, mesh: VoxelMesh, is_hatched: NDArray[np.bool_]) -> None:
    """Whiten faces in place; the stripes run on through neighbouring cells."""
    selected = is_hatched[hits.faces]
    cells = (hits.points[selected] - np.array(mesh.grid.origin_m)) / mesh.grid.voxel_size_m
    phase = cells.sum(axis=1) / _HATCH_PERIOD_CELLS % 1
    share = np.where(phase < 0.5, _HATCH_STRIPE_WHITE, _HATCH_WHITE).astype(np.float32)[:, None]
    albedo[selected] = albedo[selected] * (1 - share) + 255 * share
