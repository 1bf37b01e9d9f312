import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid
from training.datasets.synthetic.solids import (
    Material,
    box,
    cylinder,
    ellipsoid,
    placed,
    triangulate,
)
from training.datasets.synthetic.voxels import fine_labels, reduce_labels

GREY = Material('plaster', (0.5,) * 3, (0.6,) * 3, 1.0)
GRID = VoxelGrid((-1.0, -1.0, 0.0), 0.02, (100, 100, 100), 'xzy')
SIZE = (4.0, 4.0, 3.0)


def block(**counts):
    """One 4x4x4 block with counts of cells per label; names are _<label>."""
    cells = np.concatenate([np.full(n, int(name[1:]), np.uint8) for name, n in counts.items()])
    return cells.reshape(4, 4, 4)


@pytest.mark.parametrize(('counts', 'expected'), [
    ({'_0': 64}, 0),
    ({'_255': 64}, 255),
    ({'_0': 61, '_5': 3}, 0),  # 3 of 64: less than 5 % occupied
    ({'_0': 60, '_5': 4}, 5),  # 4 of 64: occupied
    ({'_0': 30, '_255': 31, '_7': 3}, 255),
    ({'_0': 32, '_255': 32}, 0),  # ties go to the earlier of 0, 1, ..., 255
    ({'_255': 40, '_3': 12, '_2': 12}, 2),
    ({'_0': 50, '_2': 6, '_9': 8}, 9),
])
def test_cells_are_voted_as_sscnet_does(counts, expected):
    assert reduce_labels(block(**counts)).item() == expected


@given(st.integers(0, 2 ** 31))
@settings(max_examples=25, deadline=None)
def test_the_vote_equals_a_plain_count(seed):
    rng = np.random.default_rng(seed)
    values = np.array([0, 0, 0, 0, 3, 5, 11, 255], np.uint8)
    chance = rng.dirichlet(np.ones(len(values)) * 0.4)
    fine = rng.choice(values, (8, 4, 4), p=chance)
    for index, voted in enumerate(reduce_labels(fine).ravel()):
        cells = fine[4 * index:4 * index + 4].ravel()
        nothing = np.isin(cells, (0, 255)).sum() > 0.95 * 64
        candidates = [0, *range(1, 12), 255] if nothing else range(1, 12)
        assert voted == max(candidates, key=lambda label: (cells == label).sum())


@pytest.mark.parametrize('yaw', [0.0, 0.4, -1.2])
@pytest.mark.parametrize(('solid', 'volume'), [
    (box((-0.3, 0.3), (-0.2, 0.2), (0.5, 1.0), 4, GREY), 0.6 * 0.4 * 0.5),
    (cylinder(0.0, 0.0, 0.25, (0.4, 1.2), 4, GREY), math.pi * 0.25 ** 2 * 0.8),
    (ellipsoid((0.0, 0.0, 0.9), (0.4, 0.3, 0.2), 4, GREY), 4 / 3 * math.pi * 0.4 * 0.3 * 0.2),
])
def test_solids_fill_their_volume_wherever_they_are_turned(solid, volume, yaw):
    solids = placed([solid], 0.1, -0.05, yaw)
    labels = fine_labels(solids, SIZE, GRID, np.eye(4))
    assert (labels == 4).sum() * 0.02 ** 3 == pytest.approx(volume, rel=0.03)


def test_the_grid_may_be_turned_against_the_room():
    solid = box((0.3, 0.7), (-0.1, 0.1), (0.0, 0.4), 6, GREY)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # voxel x = world y
    labels = fine_labels([solid], SIZE, GRID, make_rigid(turn, [0.0, 0.0, 0.0]))
    x, z, y = (axis.mean() * 0.02 for axis in np.nonzero(labels == 6))
    assert x - 0.99 == pytest.approx(0.0, abs=0.02)  # world y = voxel x
    assert 0.99 - y == pytest.approx(0.5, abs=0.02)  # world x = -voxel y
    assert z == pytest.approx(0.19, abs=0.02)


def test_later_solids_own_shared_space():
    solids = [box((-0.5, 0.5), (-0.5, 0.5), (0, 1), 8, GREY),
              box((-0.1, 0.1), (-0.1, 0.1), (0, 1), 11, GREY)]
    labels = fine_labels(solids, SIZE, GRID, np.eye(4))
    assert labels[50, 10, 50] == 11
    assert labels[30, 10, 30] == 8


def test_space_beyond_the_shell_is_ignored():
    labels = fine_labels([box((-0.1, 0.1), (-0.1, 0.1), (0, 0.1), 8, GREY)], (1.0, 1.4, 1.5), GRID,
                         np.eye(4))
    inside = np.flatnonzero(labels[:, 50, 50] == 0) * 0.02 - 0.99
    assert (inside.min(), inside.max()) == pytest.approx((-0.59, 0.59), abs=0.011)
    assert (labels[50, 82:, 50] == 255).all()


@pytest.mark.parametrize('solid', [
    box((-1, 1), (-0.5, 0.5), (0, 1), 1, GREY), cylinder(0, 0, 0.4, (0, 1), 1, GREY),
    ellipsoid((0, 0, 0.5), (0.5, 0.4, 0.3), 1, GREY)])
def test_surfaces_are_closed_and_wind_outwards(solid):
    triangles, owners = triangulate([solid])
    center = np.asarray(solid.center)
    signed = np.einsum('ij,ij->i', triangles[:, 0] - center,
                       np.cross(triangles[:, 1] - center, triangles[:, 2] - center))
    assert (signed > -1e-6).all() or (signed < 1e-6).all()
    edges = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    ends = np.unique(np.round(edges, 5).reshape(-1, 6), axis=0)
    backwards = np.unique(np.round(edges[:, ::-1], 5).reshape(-1, 6), axis=0)
    np.testing.assert_array_equal(ends, backwards)
    assert (owners == 0).all()
