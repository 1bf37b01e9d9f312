"""The fusion of real frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssc_ros.fusion.association import FrameAssociation, depth_points
from ssc_ros.fusion.mesh import fused_mesh
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.tsdf_fusion import TsdfFusion, fuse_scene
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import transform_points

CAMERA = PinholeCamera(585.0, 585.0, 320.0, 240.0, 480, 640)
# 5 cm, so that the room is small enough for a test.
VOXEL_SIZE_M = 0.05


def read_frame(folder: Path, number: int) -> PosedFrame:
    depth = cv2.imread(str(next(folder.rglob(f'*{number:06d}*depth.png'))), cv2.IMREAD_UNCHANGED)
    color = cv2.imread(str(next(folder.rglob(f'*{number:06d}*color.jpg'))))
    pose = np.loadtxt(next(folder.rglob(f'*{number:06d}*pose.txt')))
    depth_m = np.where(depth == 65535, 0, depth / 1000).astype(np.float32)
    return PosedFrame(str(number), depth_m, np.ascontiguousarray(color[..., ::-1]), CAMERA, CAMERA,
                      pose)


@pytest.fixture(scope='module')
def frames(shared_data: Path) -> list[PosedFrame]:
    """Return four neighbouring frames of 7-Scenes."""
    folder = shared_data / 'rgbd_sequences' / 'sevenscenes'
    if not folder.is_dir():
        pytest.skip(f'no frames of 7-Scenes at {folder}')
    return [read_frame(folder, number) for number in (0, 10, 20, 30)]


def world_points(frame: PosedFrame) -> np.ndarray:
    return transform_points(frame.T_world_camera, depth_points(frame))


def test_a_frame_finds_its_points_on_the_surface_that_others_fused(frames):
    grid = VolumeGrid.around_points(
        np.concatenate([world_points(frame) for frame in frames]), voxel_size_m=VOXEL_SIZE_M)
    incomplete, complete = fuse_scene(frames[:3], TsdfFusion(grid), kept=('10',))
    assert 0 < incomplete.surface.sum() < complete.surface.sum()
    assert (complete.weight[incomplete.weight > 0] > 0).all()
    view, = FrameAssociation(complete, frames[3:]).views((0, 0, 0), grid.shape)
    assert view.fraction > 0.8
    pose = frames[3].T_world_camera.copy()
    pose[:3, 3] += 0.3 * pose[:3, 2]
    moved = replace(frames[3], T_world_camera=pose)
    views = FrameAssociation(complete, [moved]).views((0, 0, 0), grid.shape, min_fraction=0)
    assert not views or views[0].fraction < view.fraction - 0.4


def test_the_mesh_of_real_frames_has_their_colours_and_depth(frames):
    grid = VolumeGrid.around_points(world_points(frames[0]), voxel_size_m=VOXEL_SIZE_M)
    _, complete = fuse_scene(frames[:1], TsdfFusion(grid), kept=('0',))
    mesh = fused_mesh(complete)
    x, y, z = transform_points(np.linalg.inv(frames[0].T_world_camera), mesh.vertices).T
    column, row = (np.rint(CAMERA.fx * x / z + CAMERA.cx).astype(int),
                   np.rint(CAMERA.fy * y / z + CAMERA.cy).astype(int))
    inside = (column >= 0) & (column < 640) & (row >= 0) & (row < 480)
    measured = frames[0].depth_m[row[inside], column[inside]]
    error = np.abs(measured - z[inside])[measured > 0]
    assert np.median(error) < VOXEL_SIZE_M / 2
    difference = mesh.rgb[inside].astype(float) - frames[0].rgb[row[inside], column[inside]]
    assert np.median(np.abs(difference)) < 16
