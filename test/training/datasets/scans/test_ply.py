"""Meshes with properties."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.scans.ply import read_ply, write_ply
from training.datasets.scans.scannet import read_mesh_labels

ASCII = b"""ply
format ascii 1.0
comment made by hand
element vertex 4
property float x
property float y
property float z
property ushort label
element face 2
property list uchar int vertex_indices
property int material_id
end_header
0 0 0 1
1 0 0 40
1 1 0 50
0 1 0.5 0
3 0 1 2 7
3 0 2 3 8
"""


def test_reads_text_meshes(tmp_path):
    path = tmp_path / 'mesh.ply'
    path.write_bytes(ASCII)
    mesh = read_ply(path)
    np.testing.assert_array_equal(mesh.points[3], [0, 1, 0.5])
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(mesh.vertices['label'], [1, 40, 50, 0])


@pytest.mark.parametrize('order', ['<', '>'])
def test_reads_binary_meshes_of_either_byte_order(tmp_path, order):
    vertices = np.zeros(2, [('x', f'{order}f4'), ('y', f'{order}f4'), ('z', f'{order}f8')])
    vertices['z'] = 1.5, -2
    name = {'<': 'little', '>': 'big'}[order]
    header = (f'ply\nformat binary_{name}_endian 1.0\nelement vertex 2\nproperty float x\n'
              'property float y\nproperty double z\nend_header\n').encode()
    path = tmp_path / 'mesh.ply'
    path.write_bytes(header + vertices.tobytes())
    mesh = read_ply(path)
    np.testing.assert_array_equal(mesh.points[:, 2], [1.5, -2])
    assert mesh.faces.shape == (0, 3)


def test_what_is_written_reads_back(tmp_path):
    vertices = np.zeros(3, [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('label', '<u2')])
    vertices['x'], vertices['label'] = (1, 2, 3), (7, 300, 2)
    path = tmp_path / 'mesh.ply'
    write_ply(path, vertices, np.array([[0, 1, 2]]))
    mesh = read_ply(path)
    np.testing.assert_array_equal(mesh.vertices, vertices)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2]])


@pytest.mark.parametrize('data', [b'', b'off\n', ASCII[:60], ASCII[:-20],
                                  ASCII.replace(b'3 0 1 2 7', b'4 0 1 2 3')])
def test_other_files_are_refused(tmp_path, data):
    path = tmp_path / 'mesh.ply'
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_ply(path)


def test_stray_mesh_labels_are_ignored_and_counted(tmp_path):
    path = tmp_path / 'scene_vh_clean_2.labels.ply'
    path.write_bytes(ASCII)
    points, labels, stray = read_mesh_labels(path)
    assert points.shape == (4, 3)
    assert labels.tolist() == [0, 39, 255, 255]
    assert stray == 1
