"""A sphere seen from six sides, and small volumes, for the tests of the fusion."""

from __future__ import annotations

import numpy as np

from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera

CAMERA = PinholeCamera(280.0, 280.0, 159.5, 119.5, 240, 320)
SPHERE_GRID = VolumeGrid((64, 64, 64), 0.02, np.diag([50.0, 50.0, 50.0, 1.0]))
SPHERE_CENTER_VOXELS, SPHERE_RADIUS_VOXELS = 32.0, 20.0
DIRECTIONS = [sign * np.eye(3)[axis] for axis in range(3) for sign in (1, -1)]


def plain_grid(shape: tuple[int, int, int]) -> VolumeGrid:
    """Return a grid whose first voxel has its centre at the origin."""
    return VolumeGrid(shape, 0.02, np.diag([50.0, 50.0, 50.0, 1.0]))


def looking(position: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return T_world_camera of a camera that looks along a direction."""
    z = np.asarray(direction, float) / np.linalg.norm(direction)
    x = np.cross(z, [0.0, 0.0, 1.0] if abs(z[2]) < 0.9 else [0.0, 1.0, 0.0])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = position
    return pose


def sphere_frames() -> list[PreparedFrame]:
    """Return six noiseless views from 1.6 m of a sphere of 0.4 m."""
    v, u = np.mgrid[:CAMERA.height, :CAMERA.width]
    rays = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy,
                     np.ones(u.shape)], axis=-1)
    a, b, c = (rays ** 2).sum(-1), -2 * 1.6 * rays[..., 2], 1.6 ** 2 - 0.4 ** 2
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0))
    depth = np.where(root > 0, (-b - root) / (2 * a), 0).astype(np.float32)
    center = np.full(3, SPHERE_CENTER_VOXELS * 0.02)
    rgb = np.broadcast_to(np.array([200, 100, 50], np.uint8), (*depth.shape, 3))
    return [PreparedFrame(depth, rgb, CAMERA, looking(center - 1.6 * direction, direction))
            for direction in DIRECTIONS]


def sphere_distance() -> np.ndarray:
    """Return the true distance of every voxel in voxels."""
    offset = np.indices(SPHERE_GRID.shape) - SPHERE_CENTER_VOXELS
    return np.linalg.norm(offset, axis=0) - SPHERE_RADIUS_VOXELS


def random_volume(shape: tuple[int, int, int], seed: int = 0) -> SceneVolume:
    """Return a volume of noise with unobserved voxels."""
    random = np.random.default_rng(seed)
    tsdf = random.uniform(-0.14, 0.14, shape).astype(np.float32)
    is_missing = random.random(shape) < 0.3
    tsdf[is_missing] = -np.inf
    weight = np.where(is_missing, 0, random.integers(1, 256, shape)).astype(np.uint8)
    rgb = random.integers(0, 256, (*shape, 3), np.uint8)
    rgb[is_missing] = 0
    return SceneVolume(plain_grid(shape), tsdf, weight, rgb)
