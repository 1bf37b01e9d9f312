"""Tests of coloured, labelled meshes and their files."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from ssc_ros.errors import DataError
from ssc_ros.fusion.mesh import MeshLayers, fused_mesh, surface_mesh, write_ply
from ssc_ros.fusion.tsdf_fusion import TsdfFusion
from ssc_ros.fusion.volume_grid import VolumeGrid

GRID = VolumeGrid.around((1.0, 2.0, 0.0), (1.1, 2.2, 0.3), padding_xyz=(0, 0, 0))


def step(**layers) -> MeshLayers:
    """Return a floor at z = 3.25 voxels whose half x > 2 is green and was not observed."""
    shape = GRID.shape
    tsdf = np.broadcast_to((np.arange(shape[0]) - 3.25)[:, None, None], shape).copy()
    rgb, observed = np.zeros((*shape, 3), np.uint8), np.ones(shape, np.bool_)
    rgb[..., :3, 0], rgb[..., 3:, 1] = 100, 200
    observed[..., 3:] = False
    return MeshLayers(GRID, tsdf.astype(np.float32), observed, **{'rgb': rgb} | layers)


def test_a_mesh_lies_in_the_world_and_knows_what_was_observed():
    mesh = surface_mesh(step())
    np.testing.assert_allclose(mesh.vertices[:, 2], 3.25 * 0.02, atol=1e-6)
    assert mesh.vertices[:, 0].min() == pytest.approx(1.0)
    assert mesh.vertices[:, 1].min() == pytest.approx(2.0)
    is_right = mesh.vertices[:, 0] > 1.05
    assert (mesh.observed == ~is_right).all()
    assert (mesh.rgb[is_right] == [0, 200, 0]).all() and (mesh.rgb[~is_right] == [100, 0, 0]).all()
    assert mesh.labels is None and mesh.confidence is None


def test_labels_are_the_likeliest_class_between_two_voxels():
    probabilities = np.zeros((2, *GRID.shape), np.float16)
    probabilities[0, :4], probabilities[1, 4:] = 1, 1
    mesh = surface_mesh(step(probabilities=probabilities))
    assert (mesh.labels == 0).all()
    np.testing.assert_allclose(mesh.confidence, 0.75)


def test_labels_of_voxels_go_to_the_vertices_next_to_them():
    labels = np.broadcast_to(np.arange(GRID.shape[0])[:, None, None], GRID.shape).astype(np.uint8)
    mesh = surface_mesh(step(labels=labels, confidence=labels / np.float32(10)))
    assert (mesh.labels == 3).all()
    np.testing.assert_allclose(mesh.confidence, 0.3, rtol=1e-6)


def test_labels_without_confidence_are_refused():
    with pytest.raises(DataError, match='give both or none'):
        step(labels=np.zeros(GRID.shape, np.uint8))


@pytest.mark.parametrize('has_classes', [True, False])
def test_other_programs_read_the_file(tmp_path, has_classes):
    classes = {'labels': np.full(GRID.shape, 7, np.uint8),
               'confidence': np.full(GRID.shape, 0.5, np.float32)} if has_classes else {}
    mesh = surface_mesh(step(**classes))
    write_ply(tmp_path / 'mesh.ply', mesh)
    read = trimesh.load(tmp_path / 'mesh.ply', process=False)
    np.testing.assert_allclose(read.vertices, mesh.vertices)
    np.testing.assert_array_equal(read.faces, mesh.faces)
    np.testing.assert_array_equal(read.visual.vertex_colors[:, :3], mesh.rgb)
    data = read.metadata['_ply_raw']['vertex']['data']
    np.testing.assert_array_equal(np.ravel(data['observed']), mesh.observed)
    assert ('label' in data.dtype.names) == has_classes
    if has_classes:
        assert (np.ravel(data['label']) == 7).all()
        assert (np.ravel(data['confidence']) == 0.5).all()


def test_a_distance_that_is_only_a_bound_makes_no_surface():
    near = np.ones(GRID.shape, np.bool_)
    near[:, :, 3:] = False
    mesh = surface_mesh(step(near_surface=near))
    assert mesh.observed.all() and mesh.vertices[:, 0].max() == pytest.approx(1 + 2 * 0.02)


def test_a_mesh_needs_no_colour(tmp_path):
    mesh = surface_mesh(step(rgb=None))
    assert mesh.rgb is None
    write_ply(tmp_path / 'mesh.ply', mesh)
    assert b'red' not in (tmp_path / 'mesh.ply').read_bytes()
    assert len(trimesh.load(tmp_path / 'mesh.ply', process=False).vertices) == len(mesh.vertices)


@pytest.mark.parametrize('name', ['observed', 'probabilities'])
def test_layers_of_different_sizes_are_refused(name):
    with pytest.raises(DataError, match=name):
        layers = step()
        MeshLayers(layers.grid, layers.tsdf_voxels, **{
            'observed': layers.observed, name: np.ones((2, 2, 2, 2))})


def test_an_empty_mesh_is_a_valid_file(tmp_path):
    volume = TsdfFusion(GRID).volume()
    mesh = fused_mesh(volume)
    write_ply(tmp_path / 'mesh.ply', mesh)
    assert b'element face 0' in (tmp_path / 'mesh.ply').read_bytes()


def test_a_fused_sphere_is_meshed_at_its_place_with_its_colour(scenes):
    fusion = TsdfFusion(scenes.SPHERE_GRID)
    for frame in scenes.sphere_frames():
        fusion.integrate(frame)
    mesh = fused_mesh(fusion.volume())
    radius = np.linalg.norm(mesh.vertices - scenes.SPHERE_CENTER_VOXELS * 0.02, axis=1)
    assert abs(np.median(radius) - 0.4) < 0.02
    assert (mesh.rgb == [200, 100, 50]).all() and mesh.observed.all()
    corners = mesh.vertices[mesh.faces].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = (normals * (corners[:, 0] - scenes.SPHERE_CENTER_VOXELS * 0.02)).sum(axis=1)
    assert (outwards >= 0).mean() > 0.99
