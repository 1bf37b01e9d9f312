"""Tests of which parts of a volume a frame is fused into."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssc_ros.fusion.integration import CPU_PIECE, frame_view, seen_pieces
from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.tsdf_fusion import TsdfFusion
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import transform_points

CAMERA = PinholeCamera(60.0, 61.0, 39.3, 29.6, 60, 80)
GRID = VolumeGrid.around((0, 0, 0), (3, 4, 2), voxel_size_m=0.1)


@pytest.fixture(params=range(8))
def frame(request, scenes) -> PreparedFrame:
    """Return a noisy view from anywhere in or around the volume."""
    random = np.random.default_rng(request.param)
    pose = scenes.looking(random.uniform(-1, 4, 3), random.normal(size=3))
    depth = random.uniform(1.0, 3.5, CAMERA.size).astype(np.float32)
    rgb = random.integers(0, 256, (*CAMERA.size, 3), np.uint8)
    return PreparedFrame(depth, rgb, CAMERA, pose)


def test_pieces_hold_every_voxel_in_the_view_and_none_twice(frame):
    view = frame_view(frame, GRID, FusionSettings(), torch.device('cpu'))
    times = np.zeros(GRID.shape, int)
    for piece in seen_pieces(view, GRID.shape, CPU_PIECE):
        times[piece] += 1
    voxels = np.argwhere(np.ones(GRID.shape, np.bool_))
    x, y, z = transform_points(
        np.linalg.inv(frame.T_world_camera), GRID.to_world(voxels[:, ::-1])).T
    u, v = CAMERA.fx * x / z + CAMERA.cx, CAMERA.fy * y / z + CAMERA.cy
    is_seen = ((z > 0) & (z < 3.5) & (u > -0.5) & (u < CAMERA.width - 0.5)
               & (v > -0.5) & (v < CAMERA.height - 0.5))
    assert (times.reshape(-1)[is_seen] == 1).all() and times.max() <= 1
    assert times.mean() < 1 or is_seen.mean() > 0.5


def test_the_size_of_pieces_changes_nothing(frame, monkeypatch):
    volumes = []
    for piece in (CPU_PIECE, (3, 5), GRID.shape[:2]):
        monkeypatch.setattr('ssc_ros.fusion.tsdf_fusion.CPU_PIECE', piece)
        fusion = TsdfFusion(GRID)
        fusion.integrate(frame)
        volumes.append(fusion.volume())
    for other in volumes[1:]:
        np.testing.assert_array_equal(other.tsdf_m, volumes[0].tsdf_m)
        np.testing.assert_array_equal(other.weight, volumes[0].weight)
        np.testing.assert_array_equal(other.rgb, volumes[0].rgb)
