from __future__ import annotations

import numpy as np

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.voxel_faces import FACE_NORMALS
from ssc_ros.viewer.mesh import voxel_mesh
from ssc_ros.viewer.occlusion import corner_brightness

GRID = VoxelGrid((0.0, 0.0, 0.0), 1.0, (16, 16, 16))


def brightness_of_top(shown: np.ndarray) -> dict[tuple[int, int], float]:
    mesh = voxel_mesh(shown.astype(np.uint8), GRID, shown)
    light = corner_brightness(mesh, shown).mean(axis=1)
    is_top = (FACE_NORMALS[mesh.directions] == (0, 0, 1)).all(axis=1) & (mesh.cells[:, 2] == 0)
    return {(x, y): value for (x, y, _), value in zip(
        mesh.cells[is_top].tolist(), light[is_top], strict=True)}


def test_an_open_floor_is_fully_lit():
    floor = np.zeros(GRID.shape, bool)
    floor[:, :, 0] = True
    assert set(brightness_of_top(floor).values()) == {1.0}


def test_the_floor_darkens_towards_a_wall_and_most_in_the_corner():
    room = np.zeros(GRID.shape, bool)
    room[:, :, 0] = room[0] = room[:, 0] = True
    light = brightness_of_top(room)
    assert light[1, 1] < light[1, 8] < light[3, 8] < light[12, 12]


def test_brightness_stays_positive_in_a_crowd():
    shown = np.random.default_rng(0).random(GRID.shape) < 0.9
    mesh = voxel_mesh(shown.astype(np.uint8), GRID, shown)
    light = corner_brightness(mesh, shown)
    assert light.shape == (len(mesh), 4)
    assert light.min() > 0 and light.max() <= 1
