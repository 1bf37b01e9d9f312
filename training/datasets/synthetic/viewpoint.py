"""Random cameras and short smooth walks through a room."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import POSE_STEP_M, POSE_STEP_RAD
from ssc_ros.geometry.transforms import level_camera_pose, make_rigid

BASELINE_M = 0.12
# RGB camera of NYUv2 at 640x480 (Silberman et al., 2012).
NYU_FOCAL_PX, NYU_SIZE = 518.86, (480, 640)


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """A camera standing in a room: position on the floor, height and angles."""

    x: float
    y: float
    height_m: float
    yaw: float  # counter-clockwise from looking along +y
    pitch: float  # downwards
    roll: float

    @property
    def T_world_camera(self) -> NDArray[np.float64]:
        """Pose of the left optical frame; height, pitch and roll in the steps tables use."""
        level = level_camera_pose(
            height_m=round(self.height_m / POSE_STEP_M) * POSE_STEP_M,
            pitch_rad=round(self.pitch / POSE_STEP_RAD) * POSE_STEP_RAD,
            roll_rad=round(self.roll / POSE_STEP_RAD) * POSE_STEP_RAD)
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        turn = [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]
        return make_rigid(turn, [self.x, self.y, 0.0]) @ level


def random_viewpoint(rng: np.random.Generator, size: tuple[float, float, float]) -> Viewpoint:
    """Stand near the front wall (y low) and look at the far half, not square to the walls."""
    width, depth, _ = size
    x = float(rng.uniform(-0.32, 0.32)) * width
    y = -depth / 2 + float(rng.uniform(0.3, 0.7))
    target_x = float(rng.uniform(-0.3, 0.3)) * width
    distance = float(rng.uniform(0.45, 0.65)) * depth
    limit = math.radians(25)
    yaw = math.atan2(x - target_x, distance) + float(rng.normal(0, math.radians(5)))
    height = float(rng.uniform(1.2, 1.7))
    drop = height - float(rng.uniform(0.35, 1.0))
    return Viewpoint(x, y, height, float(np.clip(yaw, -limit, limit)),
                     math.atan2(drop, distance), float(np.deg2rad(rng.uniform(-1, 1))))


def random_camera(rng: np.random.Generator, height: int, width: int) -> PinholeCamera:
    """Return NYU-like intrinsics for the image size, focal length varied by 5 per cent."""
    scale = height / NYU_SIZE[0]
    focal = NYU_FOCAL_PX * scale * float(rng.uniform(0.95, 1.05))
    shift_x, shift_y = rng.uniform(-6, 6, 2) * scale
    return PinholeCamera(focal, focal, (width - 1) / 2 + float(shift_x),
                         (height - 1) / 2 + float(shift_y), height, width)


def walk(rng: np.random.Generator, start: Viewpoint, frames: int, rate_hz: float,
         ) -> list[Viewpoint]:
    """Return a smooth slow walk that begins at start: robot speed, gentle turns."""
    duration = max(frames - 1, 1) / rate_hz
    speed = min(float(rng.uniform(0.3, 0.7)) / duration, 0.35)  # stays within the free circle
    turn = float(np.clip(rng.uniform(-0.35, 0.35) / duration, -0.25, 0.25))
    sway, phase = float(rng.uniform(0, 0.01)), float(rng.uniform(0, 2 * math.pi))
    views, x, y, yaw = [], start.x, start.y, start.yaw
    for index in range(frames):
        wave = math.sin(5.0 * index / rate_hz + phase) - math.sin(phase)
        views.append(Viewpoint(x, y, start.height_m + 0.5 * sway * wave, yaw,
                               start.pitch + 0.3 * sway * wave, start.roll + 0.2 * sway * wave))
        ease = min(1.0, (index + 1) / 3)
        x -= math.sin(yaw) * speed * ease / rate_hz
        y += math.cos(yaw) * speed * ease / rate_hz
        yaw += turn * ease / rate_hz
    return views
