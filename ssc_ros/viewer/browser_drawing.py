"""Put a frame into the 3D scene of a browser page."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssc_ros.geometry.transforms import inverse_rigid, rotation_to_quaternion
from ssc_ros.viewer.browser_scene import (
    PAGE_ASPECT,
    Choice,
    initial_view,
    semantic_cloud,
    voxel_glb,
)
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.viewpoint import camera_heading

# Sizes in voxels, so that rooms and streets look alike.
_FRUSTUM_SCALE, _FRUSTUM_LINE, _POINT_SIZE = 4.5, 0.1, 0.25


def aim(server: Any, frame: RecordedFrame) -> None:
    """Set the view from which a page opens and what is up in it."""
    view = initial_view(frame)
    grid = frame.estimate.grid
    up = camera_heading(frame.estimate).up
    center = np.array(grid.origin_m) + np.array(grid.extent_m) / 2
    server.scene.set_up_direction(tuple(up))
    server.initial_camera.position = tuple(view.eye)
    server.initial_camera.look_at = tuple(view.eye + view.axes[2] * np.dot(
        center - view.eye, view.axes[2]))
    server.initial_camera.up = tuple(up)
    server.initial_camera.fov = float(2 * np.arctan(view.tan_half_width / PAGE_ASPECT))


def draw(scene: Any, frame: RecordedFrame, choice: Choice) -> None:
    """Put what is chosen of a frame into a viser scene, replacing what was there."""
    glb = voxel_glb(frame, choice)
    if glb is None:
        _remove(scene, '/voxels')
    else:
        scene.add_glb('/voxels', glb, cast_shadow=False, receive_shadow=False)
    cloud = semantic_cloud(frame) if choice.show_cloud else None
    if cloud is None:
        _remove(scene, '/cloud')
    else:
        scene.add_point_cloud('/cloud', *cloud, precision='float32',
                              point_size=_POINT_SIZE * frame.estimate.grid.voxel_size_m)
    if choice.show_camera:
        _add_frustum(scene, frame)
    else:
        _remove(scene, '/camera')


def _remove(scene: Any, name: str) -> None:
    if scene.get_handle_by_name(name) is not None:
        scene.remove_by_name(name)


def _add_frustum(scene: Any, frame: RecordedFrame) -> None:
    camera, voxel_size_m = frame.estimate.camera, frame.estimate.grid.voxel_size_m
    T_voxel_camera = inverse_rigid(frame.estimate.T_camera_voxel)
    x, y, z, w = rotation_to_quaternion(T_voxel_camera[:3, :3])
    scene.add_camera_frustum(
        '/camera', fov=float(2 * np.arctan(camera.height / 2 / camera.fy)),
        aspect=camera.width / camera.height, scale=_FRUSTUM_SCALE * voxel_size_m,
        thickness=_FRUSTUM_LINE * voxel_size_m, image=frame.image, format='jpeg',
        wxyz=(w, x, y, z), position=tuple(T_voxel_camera[:3, 3]), cast_shadow=False,
        receive_shadow=False)
