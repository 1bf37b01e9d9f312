from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.viewer.mesh import VoxelMesh, voxel_mesh

ORDERS = ('xyz', 'xzy')


def mesh_of(shown: np.ndarray, order: str = 'xyz') -> VoxelMesh:
    grid = VoxelGrid((-1.0, 2.0, 0.5), 0.25, shown.shape, order)
    return voxel_mesh(np.full(shown.shape, 7, np.uint8), grid, shown)


def triangle_corners(mesh: VoxelMesh) -> np.ndarray:
    return mesh.vertices.astype(np.float64)[mesh.triangles]


shown_volumes = arrays(
    np.bool_, st.tuples(*[st.integers(1, 5)] * 3), elements=st.booleans())


@pytest.mark.parametrize('order', ORDERS)
def test_a_lone_voxel_has_six_faces_around_its_place(order):
    shown = np.zeros((4, 5, 6), bool)
    shown[1, 2, 3] = True
    mesh = mesh_of(shown, order)
    assert len(mesh) == 6
    center = mesh.grid.index_to_point([[1, 2, 3]])[0]
    assert np.allclose(mesh.vertices.min(axis=0), center - 0.125)
    assert np.allclose(mesh.vertices.max(axis=0), center + 0.125)


def test_two_neighbours_share_no_face():
    assert len(mesh_of(np.ones((2, 1, 1), bool))) == 10


@given(shown_volumes, st.sampled_from(ORDERS))
def test_the_mesh_is_closed_and_turned_outwards_so_that_its_volume_is_that_of_the_voxels(
        shown, order):
    corners = triangle_corners(mesh_of(shown, order))
    # Divergence theorem: signed tetrahedra add up to the volume only for closed outward faces.
    volume = np.einsum('ti,ti->', corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume == pytest.approx(shown.sum() * 0.25**3, abs=1e-4)


@given(shown_volumes)
def test_every_edge_is_walked_once_each_way_per_pair_of_faces(shown):
    mesh = mesh_of(shown)
    quads = mesh.corners
    edges = np.concatenate([np.stack([quads[:, i], quads[:, (i + 1) % 4]], 1) for i in range(4)])
    forward = {}
    for start, end in edges.tolist():
        forward[tuple(start), tuple(end)] = forward.get((tuple(start), tuple(end)), 0) + 1
    assert all(forward.get((end, start)) == count for (start, end), count in forward.items())


def test_the_triangles_face_along_the_normals():
    mesh = mesh_of(np.random.default_rng(0).random((4, 5, 6)) < 0.5)
    corners = triangle_corners(mesh)
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    cosines = np.einsum('ti,ti->t', crossed, np.repeat(mesh.normals, 2, axis=0))
    assert np.allclose(cosines, 0.25**2)


@pytest.mark.parametrize('order', ORDERS)
def test_faces_carry_label_and_value_of_their_own_voxel(order):
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    grid = VoxelGrid((0.0, 0.0, 0.0), 1.0, labels.shape, order)
    mesh = voxel_mesh(labels, grid, np.ones(labels.shape, bool))
    inner_points = mesh.vertices.reshape(-1, 4, 3).mean(axis=1) - 0.5 * mesh.normals
    indices, _ = grid.point_to_index(inner_points)
    assert (labels[tuple(indices.T)] == mesh.labels).all()
    assert (mesh.values_of(labels.astype(np.float32) * 2) == mesh.labels * 2.0).all()


def test_a_volume_of_another_shape_is_refused():
    grid = VoxelGrid((0.0, 0.0, 0.0), 1.0, (2, 2, 2))
    with pytest.raises(DataError, match=r'\(2, 2, 3\).*\(2, 2, 2\)'):
        voxel_mesh(np.zeros((2, 2, 3), np.uint8), grid, np.zeros((2, 2, 3), bool))
