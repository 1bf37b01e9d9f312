"""Ray-traced stereo pictures with exact depth and labels (Embree rays, NumPy shading)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera

from .shell import Light
from .surfaces import Hits, SurfaceModel

AO_DIRECTIONS = 6
AO_REACH_M = 0.9
_RAY_LIFT_M = 2e-3

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """What one eye sees: linear light (H, W, 3), z-depth in metres and labels (H, W)."""

    radiance: Float
    depth_m: Float
    labels: NDArray[np.uint8]


class Renderer:
    """Casts rays into one scene; every eye shares light samples and occlusion directions."""

    def __init__(self, model: SurfaceModel, lights: list[Light]) -> None:
        self._model, self._lights = model, lights
        self._scene = EmbreeScene()
        # The mesh lives as long as its scene.
        self._mesh = TriangleMesh(self._scene, model.triangles)

    def render(self, poses: list[NDArray[np.float64]], camera: PinholeCamera) -> list[View]:
        """Return one view per T_world_camera pose, all traced as one batch of rays."""
        count, height, width = len(poses), camera.height, camera.width
        origins, directions = _primary_rays(poses, camera)
        found = self._scene.run(origins, directions, output=True)
        triangle = np.asarray(found['primID'])
        is_hit = triangle >= 0
        depth = np.where(is_hit, np.asarray(found['tfar']), 0).astype(np.float32)
        points = origins + directions * depth[:, None]
        barycentric = np.stack([found['u'], found['v']], 1)
        hits = self._model.hits(np.maximum(triangle, 0), points, directions, barycentric)
        footprint = depth / np.float32(camera.fx)
        albedo, glow = self._model.albedo(hits, directions, footprint)
        light = self._direct(hits) + self._ambient(hits, (count, height, width))
        radiance = np.where(is_hit[:, None], albedo * (light + glow[:, None]), 0)
        labels = np.where(is_hit, self._model.labels[hits.owner], 255).astype(np.uint8)
        shape = (count, height, width)
        return [View(*parts) for parts in zip(
            radiance.reshape(*shape, 3).astype(np.float32), depth.reshape(shape),
            labels.reshape(shape), strict=True)]

    def _direct(self, hits: Hits) -> Float:
        """Sum the light of all samples that are not shadowed."""
        total = np.zeros_like(hits.points)
        lifted = hits.points + hits.flat_normals * np.float32(_RAY_LIFT_M)
        for light in self._lights:
            power = np.asarray(light.power, np.float32) / len(light.samples)
            normal = np.asarray(light.normal, np.float32)
            for sample in light.samples:
                to_light = sample - lifted
                square = np.einsum('ij,ij->i', to_light, to_light)
                facing = np.einsum('ij,ij->i', to_light, hits.normals)
                leaving = -(to_light @ normal)
                gain = facing * leaving / (square * square + np.float32(0.05))
                lit = np.flatnonzero((facing > 0) & (leaving > 0))
                reach = np.full(len(lit), 0.995, np.float32)
                free = self._scene.run(lifted[lit], to_light[lit], dists=reach,
                                       query='OCCLUDED') != 0
                lit = lit[np.asarray(free)]
                total[lit] += gain[lit, None] * power
        return total

    def _ambient(self, hits: Hits, shape: tuple[int, int, int]) -> Float:
        """Return the indirect light: an ambient term times occlusion traced at half size."""
        _, height, width = shape
        index = np.arange(len(hits.points)).reshape(shape)[:, ::2, ::2]
        picked = index.ravel()
        normals = hits.normals[picked]
        lifted = hits.points[picked] + hits.flat_normals[picked] * np.float32(_RAY_LIFT_M)
        tangent, bitangent = _tangents(normals)
        open_part = np.zeros(len(picked), np.float32)
        reach = np.full(len(picked), AO_REACH_M, np.float32)
        for x, y, z in _HEMISPHERE:
            direction = x * tangent + y * bitangent + z * normals
            free = np.asarray(self._scene.run(lifted, direction, dists=reach,
                                              query='OCCLUDED')) != 0
            open_part += free / np.float32(len(_HEMISPHERE))
        small = open_part.reshape(index.shape)
        full = np.stack([cv2.resize(cv2.blur(image, (3, 3)), (width, height),
                                    interpolation=cv2.INTER_LINEAR) for image in small])
        level = sum(np.asarray(light.power, np.float32) for light in self._lights)
        level = np.float32(0.055) * level + np.float32(0.03)
        # Light bounced off the floor is a little warmer and weaker than from above.
        tilt = np.float32(0.9) + np.float32(0.1) * hits.normals[:, 2]
        shade = (np.float32(0.25) + np.float32(0.75) * full.ravel()) * tilt
        return (shade[:, None] * level).astype(np.float32)


def _primary_rays(poses: list[NDArray[np.float64]], camera: PinholeCamera) -> tuple[Float, Float]:
    """Return ray origins and directions; directions have z = 1, so Embree's t is the z-depth."""
    v, u = np.mgrid[:camera.height, :camera.width]
    local = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy,
                      np.ones_like(u, float)], -1).reshape(-1, 3)
    directions = np.concatenate([local @ pose[:3, :3].T for pose in poses])
    origins = np.repeat(np.stack([pose[:3, 3] for pose in poses]), len(local), axis=0)
    return origins.astype(np.float32), directions.astype(np.float32)


def _tangents(normals: Float) -> tuple[Float, Float]:
    """Return two unit vectors that complete each normal to a frame (a function of it alone)."""
    up = np.abs(normals[:, 2:3]) < 0.9
    helper = np.where(up, np.float32([0, 0, 1]), np.float32([1, 0, 0]))
    tangent = np.cross(helper, normals)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + np.float32(1e-9)
    return tangent.astype(np.float32), np.cross(normals, tangent).astype(np.float32)


def _hemisphere() -> Float:
    turn = 2 * np.pi * (np.arange(AO_DIRECTIONS) * 0.618034 + 0.1)
    radius = np.sqrt((np.arange(AO_DIRECTIONS) + 0.5) / AO_DIRECTIONS)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), np.sqrt(1 - radius ** 2)],
                    1).astype(np.float32)


_HEMISPHERE = _hemisphere()


@dataclass(frozen=True, slots=True)
class Sensor:
    """Exposure, colour balance and noise of a camera; both eyes share all but the noise."""

    exposure: float
    balance: tuple[float, float, float]
    noise: float

    @staticmethod
    def draw(rng: np.random.Generator, radiance: Float) -> Sensor:
        """Expose for the picture's brightness, with the errors a real camera makes."""
        level = float(np.median(radiance.mean(-1))) + 0.25 * float(radiance.mean())
        target = float(rng.uniform(0.2, 0.36))
        red, blue = rng.uniform(0.93, 1.08, 2)
        return Sensor(target / max(level, 1e-4), (float(red), 1.0, float(blue)),
                      float(rng.uniform(0.004, 0.012)))

    def develop(self, radiance: Float, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the 8-bit sRGB-like picture of linear light."""
        linear = radiance * np.float32(self.exposure) * np.asarray(self.balance, np.float32)
        linear = cv2.GaussianBlur(linear, (3, 3), 0.45)  # point spread of the lens
        tone = linear * (1 + linear / np.float32(4)) / (1 + linear)
        noise = rng.standard_normal(tone.shape, np.float32)
        tone = tone + noise * np.float32(self.noise) * np.sqrt(np.maximum(tone, 0) + 0.02)
        encoded = np.clip(tone, 0, 1) ** np.float32(1 / 2.2)
        return np.round(encoded * 255).astype(np.uint8)
