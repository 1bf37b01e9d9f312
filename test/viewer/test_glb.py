from __future__ import annotations

import io

import numpy as np
import pytest

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.viewer.glb import encode_glb, srgb_to_linear
from ssc_ros.viewer.mesh import VoxelMesh, voxel_mesh


@pytest.fixture
def mesh() -> VoxelMesh:
    """Return the 14 faces of three voxels in a corner shape."""
    labels = np.zeros((2, 2, 1), np.uint8)
    labels[0, 0], labels[1, 0], labels[0, 1] = 1, 2, 3
    return voxel_mesh(labels, VoxelGrid((1.0, 2.0, 3.0), 0.5, labels.shape), labels > 0)


def test_another_library_reads_the_file_back(mesh):
    trimesh = pytest.importorskip('trimesh')
    colors = np.full((len(mesh), 4, 3), 0.5, np.float32)
    is_striped = np.arange(len(mesh)) % 2 == 0
    data = encode_glb(mesh, colors, is_striped)
    scene = trimesh.load(io.BytesIO(data), file_type='glb')
    assert sorted(len(part.faces) for part in scene.geometry.values()) == [14, 14]
    assert np.allclose(scene.bounds, [[1, 2, 3], [2, 3, 3.5]])
    whole = trimesh.load(io.BytesIO(encode_glb(mesh, colors, np.zeros(len(mesh), bool))),
                         file_type='glb', force='mesh')
    whole.merge_vertices(merge_tex=True, merge_norm=True)
    assert whole.is_volume
    assert whole.volume == pytest.approx(3 * 0.5**3)


def test_no_empty_primitive_is_written(mesh):
    data = encode_glb(mesh, np.ones((len(mesh), 4, 3), np.float32), np.ones(len(mesh), bool))
    assert data.count(b'"POSITION"') == 1


def test_chunks_are_aligned_and_the_lengths_add_up(mesh):
    data = encode_glb(mesh, np.ones((len(mesh), 4, 3), np.float32), np.zeros(len(mesh), bool))
    header = np.frombuffer(data[:20], '<u4')
    assert data[:4] == b'glTF'
    assert header[1] == 2
    assert header[2] == len(data)
    assert header[3] % 4 == 0 and len(data) % 4 == 0


def test_colours_become_linear_light():
    assert np.allclose(srgb_to_linear(np.float32([0.0, 0.04, 0.5, 1.0])),
                       [0, 0.04 / 12.92, 0.21404, 1], atol=1e-5)
