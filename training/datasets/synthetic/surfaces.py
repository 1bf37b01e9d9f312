"""Surface properties of a scene's triangles: normals, labels, textured albedo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import textures
from .models import sample_texture
from .solids import CYLINDER, ELLIPSOID, Solid, triangulate

Float = NDArray[np.float32]

# Fine speckle on everything: without it a matcher has nothing to hold on to.
_DETAIL_PATTERN = textures.PATTERNS.index('speckle')
_DETAIL_PERIOD_M = 0.85


@dataclass(frozen=True, slots=True)
class Hits:
    """Where rays ended: solid, triangle's plane, shading normal and the point, all (N, ...)."""

    owner: NDArray[np.int32]
    points: Float
    local: Float  # the point in the frame of its solid
    local_normals: Float
    normals: Float
    flat_normals: Float
    uvs: Float | None  # texture coordinates, where there are models at all


class SurfaceModel:
    """Triangles of a list of solids and what each looks like."""

    def __init__(self, solids: list[Solid]) -> None:
        self.triangles, self._owner = triangulate(solids)
        edges = np.diff(self.triangles, axis=1)
        normals = np.cross(edges[:, 0], edges[:, 1])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        self._normals = normals / np.maximum(lengths, np.float32(1e-20))
        self.labels = np.array([solid.label for solid in solids], np.uint8)
        self._kind = np.array([solid.kind for solid in solids])
        self._center = np.array([solid.center for solid in solids], np.float32)
        self._half = np.array([solid.half for solid in solids], np.float32)
        yaw = np.array([solid.yaw for solid in solids])
        self._cos, self._sin = np.cos(yaw).astype(np.float32), np.sin(yaw).astype(np.float32)
        materials = [solid.material for solid in solids]
        self._pattern = np.array([textures.PATTERNS.index(m.pattern) for m in materials])
        self._color_a = np.array([m.color_a for m in materials], np.float32)
        self._color_b = np.array([m.color_b for m in materials], np.float32)
        self._period = np.array([m.period_m for m in materials], np.float32)
        self._detail = np.array([m.detail for m in materials], np.float32)
        self._glow = np.array([m.glow for m in materials], np.float32)
        self._offset = np.array([m.offset for m in materials], np.float32)
        self._models = {index: solid.model for index, solid in enumerate(solids)
                        if solid.model is not None}
        if self._models:
            self._corner_normals = np.zeros_like(self.triangles)
            self._corner_uvs = np.zeros((*self.triangles.shape[:2], 2), np.float32)
            starts = np.searchsorted(self._owner, list(self._models))
            for start, model in zip(starts, self._models.values(), strict=True):
                span = slice(start, start + len(model.triangles))
                self._corner_normals[span], self._corner_uvs[span] = model.normals, model.uvs

    def hits(self, triangle: NDArray[np.int32], points: Float, directions: Float,
             barycentric: Float) -> Hits:
        """
        Gather what is known about the triangles that rays hit.

        Args:
            barycentric: (N, 2) weights of each triangle's second and third corner.
        """
        owner = self._owner[triangle]
        flat = self._normals[triangle]
        flat = np.where(np.einsum('ij,ij->i', flat, directions)[:, None] > 0, -flat, flat)
        cos, sin = self._cos[owner], self._sin[owner]
        local = _turned(points - self._center[owner], cos, -sin)
        local_normals = self._smooth(owner, local, _turned(flat, cos, -sin))
        uvs = None
        if self._models:
            weights = np.column_stack([1 - barycentric.sum(axis=1), barycentric])
            uvs = np.einsum('nk,nkc->nc', weights, self._corner_uvs[triangle])
            smooth = np.einsum('nk,nkc->nc', weights, self._corner_normals[triangle])
            local_normals = _agreeing(smooth, local_normals)
        return Hits(owner, points, local, local_normals, _turned(local_normals, cos, sin), flat,
                    uvs)

    def _smooth(self, owner: NDArray[np.int32], local: Float, normals: Float) -> Float:
        """Replace facet normals by those of the true cylinder or ellipsoid."""
        kind = self._kind[owner]
        round_ = (kind == ELLIPSOID) | ((kind == CYLINDER) & (np.abs(normals[:, 2]) < 0.5))
        index = np.flatnonzero(round_)
        if len(index) == 0:
            return normals
        smooth = local[index] / self._half[owner[index]] ** 2
        smooth[kind[index] == CYLINDER, 2] = 0
        smooth /= np.linalg.norm(smooth, axis=1, keepdims=True) + np.float32(1e-9)
        result = normals.copy()
        result[index] = smooth
        return result

    def albedo(self, hits: Hits, directions: Float, footprint: Float) -> tuple[Float, Float]:
        """
        Return the textured colour (N, 3) and the emitted radiance (N,) of each hit.

        Args:
            footprint: (N,) side of a pixel at the hit, metres, before foreshortening.
        """
        owner = hits.owner
        u, v = self._unwrapped(hits)
        steep = np.abs(np.einsum('ij,ij->i', directions, hits.flat_normals))
        pixel = footprint / np.sqrt(np.maximum(steep, np.float32(0.05)))
        period, offset = self._period[owner], self._offset[owner]
        mix = textures.sample(self._pattern[owner], u / period + offset[:, 0],
                              v / period + offset[:, 1], pixel / period)
        shift = offset[:, ::-1] * np.float32(7.3)
        detail = textures.sample(
            np.full(len(owner), _DETAIL_PATTERN), u / np.float32(_DETAIL_PERIOD_M) + shift[:, 0],
            v / np.float32(_DETAIL_PERIOD_M) + shift[:, 1], pixel / np.float32(_DETAIL_PERIOD_M))
        color_a, color_b = self._color_a[owner], self._color_b[owner]
        color = color_a + mix[:, None] * (color_b - color_a)
        if hits.uvs is not None:
            self._paint_models(color, owner, hits.uvs, pixel)
        gain = 1 + self._detail[owner] * (detail - np.float32(0.5)) * np.float32(3)
        return np.clip(color * gain[:, None], 0.004, 1).astype(np.float32), self._glow[owner]

    def _paint_models(self, color: Float, owner: NDArray[np.int32], uvs: Float,
                      pixel: Float) -> None:
        """Replace the plain colour of textured model parts by their textures."""
        order = np.argsort(owner, kind='stable')
        names, starts = np.unique(owner[order], return_index=True)
        for name, index in zip(names, np.split(order, starts[1:]), strict=True):
            model = self._models.get(int(name))
            if model is not None and model.texture is not None:
                footprint = pixel[index] * np.float32(model.tiles_per_m)
                color[index] = sample_texture(model.texture, uvs[index], footprint)

    def _unwrapped(self, hits: Hits) -> tuple[Float, Float]:
        """Return surface coordinates in metres: along the faces of boxes, around round things."""
        local, normal = hits.local, np.abs(hits.local_normals)
        axis = np.argmax(normal, axis=1)
        u = np.where(axis == 0, local[:, 1], local[:, 0])
        v = np.where(axis == 2, local[:, 1], local[:, 2])
        # Faces of one box must not repeat each other.
        u = u + axis.astype(np.float32) * np.float32(0.37)
        kind = self._kind[hits.owner]
        side = (kind == ELLIPSOID) | ((kind == CYLINDER) & (axis != 2))
        index = np.flatnonzero(side)
        radius = self._half[hits.owner[index], 0]
        u[index] = np.arctan2(local[index, 1], local[index, 0]) * radius
        v[index] = local[index, 2]
        return u, v


def _agreeing(smooth: Float, flat: Float) -> Float:
    """Return interpolated corner normals on the side of the flat ones; flat where none."""
    agreement = np.einsum('ij,ij->i', smooth, flat)
    length = np.linalg.norm(smooth, axis=1)
    usable = np.abs(agreement) > np.float32(0.3) * np.maximum(length, np.float32(1e-6))
    scaled = smooth * (np.sign(agreement) / np.maximum(length, np.float32(1e-6)))[:, None]
    return np.where(usable[:, None], scaled, flat).astype(np.float32)


def _turned(vectors: Float, cos: Float, sin: Float) -> Float:
    x, y = vectors[:, 0], vectors[:, 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y, vectors[:, 2]], 1)
