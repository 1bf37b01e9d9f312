"""
Where a network's fixed voxel box stands relative to the camera.

Each rule takes ``T_world_camera``, the (4, 4) pose of the (left) optical frame in a z-up world
whose floor is z = 0, and returns the box with ``T_camera_voxel``. With heading ``camera`` only
height, pitch and roll matter: the box turns with the camera. With heading ``world`` its sides
stay parallel to the world's axes, as those of NYUv2 are to the walls of the room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import (
    inverse_rigid,
    level_camera_pose,
    make_rigid,
    remove_yaw,
)

Heading = Literal['camera', 'world']

NYU_SHAPE = (60, 36, 60)
NYU_VOXEL_SIZE_M = 0.08
# The middle of the box lies this far along the optical axis (Song et al., SSCNet, 2017).
NYU_CENTER_DISTANCE_M = 3.4
NYU_BELOW_FLOOR_M = 0.05

KITTI_SHAPE = (256, 256, 32)
KITTI_VOXEL_SIZE_M = 0.2
KITTI_ORIGIN_M = (0.0, -25.6, -2.0)
# Road height and left-camera position in the lidar frame of SemanticKITTI.
KITTI_GROUND_Z_M = -1.73
KITTI_CAMERA_XY_M = (0.29, 0.05)

# Poses that differ by less see the same voxels through the same pixels.
POSE_STEP_M = 1e-3
POSE_STEP_RAD = np.deg2rad(0.05)

TARTANAIR_SHAPE = (120, 48, 120)
TARTANAIR_VOXEL_SIZE_M = 0.1
TARTANAIR_ORIGIN_M = (-6.0, -3.0, 0.0)


@dataclass(frozen=True, slots=True)
class BoxPlacement:
    """A voxel grid and the (4, 4) transform from its frame into the camera's optical frame."""

    grid: VoxelGrid
    T_camera_voxel: NDArray[np.float64]


def level_pose(T_world_camera: ArrayLike, heading: Heading = 'camera') -> NDArray[np.float64]:
    """
    Return the camera's pose in the level frame that its box stands in.

    Args:
        T_world_camera: (4, 4) pose of an optical frame in a z-up world whose floor is z = 0.
        heading: ``camera``: the frame's y axis is the viewing direction in the floor plane;
            ``world``: the horizontal world axis nearest to it.
    """
    T_level_camera = remove_yaw(T_world_camera)
    if heading == 'camera':
        return T_level_camera
    return _rotation_about_z(_yaw_from_world_axis(T_world_camera)) @ T_level_camera


def rounded_level_pose(
    T_world_camera: ArrayLike, heading: Heading = 'camera',
) -> NDArray[np.float64]:
    """
    Return the camera's level pose with height in whole mm and angles in steps of 0.05 degrees.

    A robot's pose trembles; rounding it lets tables that depend on it be reused, and unlike a
    tolerance against the last pose it does not depend on which frames came before.
    """
    T_level_camera = remove_yaw(T_world_camera)
    right_up, down_up, forward_up = T_level_camera[2, :3]
    rounded = level_camera_pose(
        height_m=round(T_level_camera[2, 3] / POSE_STEP_M) * POSE_STEP_M,
        pitch_rad=_rounded_angle(np.arcsin(np.clip(-forward_up, -1.0, 1.0))),
        roll_rad=_rounded_angle(np.arctan2(-right_up, -down_up)))
    if heading == 'camera':
        return rounded
    return _rotation_about_z(_rounded_angle(_yaw_from_world_axis(T_world_camera))) @ rounded


def _rounded_angle(angle_rad: float) -> float:
    return float(round(angle_rad / POSE_STEP_RAD) * POSE_STEP_RAD)


def _yaw_from_world_axis(T_world_camera: ArrayLike) -> float:
    """Return the angle, at most 45 degrees, from the nearest world axis to the view."""
    forward_x, forward_y = np.asarray(T_world_camera, np.float64)[:2, 2]
    yaw = np.arctan2(-forward_x, forward_y)
    quarter = np.pi / 2
    return float(yaw - round(yaw / quarter) * quarter)


def _rotation_about_z(angle_rad: float) -> NDArray[np.float64]:
    sine, cosine = np.sin(angle_rad), np.cos(angle_rad)
    return make_rigid([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]], np.zeros(3))


def nyu_placement(T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
    """
    Place the 4.8 x 4.8 x 2.88 m box of NYUv2 in front of the camera (SSCNet's rule).

    Voxel frame: level frame, x right, y forward, z up, origin on the floor under the camera.
    """
    T_level_camera = level_pose(T_world_camera, heading)
    center = T_level_camera[:3, :3] @ [0.0, 0.0, NYU_CENTER_DISTANCE_M] + T_level_camera[:3, 3]
    half = NYU_SHAPE[0] * NYU_VOXEL_SIZE_M / 2
    origin = (float(center[0] - half), float(center[1] - half), -NYU_BELOW_FLOOR_M)
    grid = VoxelGrid(origin, NYU_VOXEL_SIZE_M, NYU_SHAPE, 'xzy')
    return BoxPlacement(grid, inverse_rigid(T_level_camera))


def kitti_placement(T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
    """
    Place the 51.2 x 51.2 x 6.4 m box of SemanticKITTI.

    Voxel frame: x forward, y left, z up (REP-103); ground at z = -1.73 m and the camera above
    (0.29, 0.05), so that a robot of any camera height shows the network what it was trained on.
    """
    T_level_camera = level_pose(T_world_camera, heading)
    forward_left_up = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    T_voxel_level = make_rigid(forward_left_up, [*KITTI_CAMERA_XY_M, KITTI_GROUND_Z_M])
    grid = VoxelGrid(KITTI_ORIGIN_M, KITTI_VOXEL_SIZE_M, KITTI_SHAPE)
    return BoxPlacement(grid, inverse_rigid(T_voxel_level @ T_level_camera))


def tartanair_placement(T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
    """
    Place the 12 x 4.8 x 12 m box of SemanticTartanAir.

    Voxel frame: the camera's optical axes levelled (x right, y down, z forward), at the camera.
    """
    T_level_camera = level_pose(T_world_camera, heading)
    level_to_optical = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    rotation = level_to_optical @ T_level_camera[:3, :3]
    grid = VoxelGrid(TARTANAIR_ORIGIN_M, TARTANAIR_VOXEL_SIZE_M, TARTANAIR_SHAPE)
    return BoxPlacement(grid, inverse_rigid(make_rigid(rotation, np.zeros(3))))


PLACEMENT_RULES = {
    'nyu': nyu_placement,
    'kitti': kitti_placement,
    'tartanair': tartanair_placement,
}


def place_rounded(
    rule: str, T_world_camera: ArrayLike, heading: Heading = 'camera',
) -> BoxPlacement:
    """Place the box of a rule of ``PLACEMENT_RULES`` before a camera of rounded pose."""
    return PLACEMENT_RULES[rule](rounded_level_pose(T_world_camera, heading), heading)
