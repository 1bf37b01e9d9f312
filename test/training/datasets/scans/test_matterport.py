"""Matterport3D: camera conventions, rooms and labels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.scans import MatterportBuilding
from training.datasets.scans.matterport import near_pairs, read_conf, room_box
from training.datasets.scans.matterport_labels import read_categories, read_region
from training.datasets.scans.ply import write_ply
from training.datasets.scans.reprojection import depth_disagreement_m
from training.datasets.scans.synthetic import ScanRecipe, SyntheticScan
from training.datasets.scans.writers import write_matterport_scan
from training.segmenters import load_class_map

CONF = """dataset matterport
n_images 2
depth_directory undistorted_depth_images
color_directory undistorted_color_images

intrinsics_matrix 100 0 31.5 0 110 20 0 0 1
scan a_d0_0.png a_i0_0.jpg 1 0 0 5 0 1 0 6 0 0 1 7 0 0 0 1
"""


class OffCentre(SyntheticScan):
    """A scan whose principal point is far enough from the middle to tell top from bottom."""

    def __init__(self) -> None:
        super().__init__(ScanRecipe('test', 5, rooms=1, frames_per_room=20, height=48, width=64))
        self.camera = self.camera.cropped(top=-7, left=0, height=48, width=64)


@pytest.fixture(scope='module')
def building(tmp_path_factory):
    return write_matterport_scan(OffCentre(), tmp_path_factory.mktemp('matterport'))


def test_cameras_of_a_conf_look_down_minus_z(tmp_path):
    path = tmp_path / 'b.conf'
    path.write_text(CONF)
    (view,) = read_conf(path)
    assert (view.depth_name, view.color_name) == ('a_d0_0.png', 'a_i0_0.jpg')
    assert view.intrinsics == (100, 110, 31.5, 20)
    np.testing.assert_array_equal(view.T_world_camera[:3, 2], [0, 0, -1])
    np.testing.assert_array_equal(view.T_world_camera[:3, 1], [0, -1, 0])
    np.testing.assert_array_equal(view.T_world_camera[:3, 3], [5, 6, 7])


@pytest.mark.parametrize('text', ['', CONF.replace('5 0 1 0', '5 0 x 0'), 'scan a b 1 2\n'])
def test_a_malformed_conf_is_refused(tmp_path, text):
    path = tmp_path / 'b.conf'
    path.write_text(text)
    with pytest.raises(DataError, match=r'\.conf|no scan lines'):
        read_conf(path)


def test_the_origin_of_cy_is_found_from_the_depth_images(building):
    scan = MatterportBuilding(building)
    assert scan.principal_point == 'bottom'
    pairs = near_pairs([scan.pose(frame_id) for frame_id in scan.frame_ids], 20)
    errors = {
        variant: np.nanmean([
            depth_disagreement_m(other.read(str(a)), other.read(str(b))) for a, b in pairs])
        for variant in ('bottom', 'top')
        for other in [MatterportBuilding(building, variant)]}
    assert errors['bottom'] < 0.03
    assert errors['top'] > errors['bottom']


def test_the_box_of_a_room_is_turned_with_it():
    rng = np.random.default_rng(0)
    local = rng.uniform(-1, 1, (400, 3)) * [2.0, 1.0, 1.2]
    local[:8] = [[x, y, z] for x in (-2, 2) for y in (-1, 1) for z in (-1.2, 1.2)]
    yaw = 0.4
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    points = local @ turn.T + [3, 4, 1.2]
    box = room_box(points)
    assert sorted(np.round(box.half_extent_m, 3)) == [1.0, 1.2, 2.0]
    assert box.contains(points, 1e-3).all()
    assert not box.contains([turn @ [2.2, 0, 0] + [3, 4, 1.2]])[0]
    with pytest.raises(DataError, match='no box'):
        room_box(points[:2])


def test_objects_of_a_region_get_their_classes(tmp_path):
    class_map = load_class_map('eigen13', 'matterport11')
    table = tmp_path / 'category_mapping.tsv'
    table.write_text('index\traw_category\teigen13class\n1\tcouch\tSofa\n2\tnovel\tBooks\n'
                     '3\tghost\tvoid\n')
    categories = read_categories(table, class_map)
    vertices = np.zeros(4, [('x', '<f4'), ('y', '<f4'), ('z', '<f4')])
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 2, 3], [0, 1, 3]])
    write_ply(tmp_path / 'region0.ply', vertices, faces)
    (tmp_path / 'region0.fsegs.json').write_text(json.dumps({'segIndices': [0, 1, 2, 3]}))
    groups = [{'label': 'couch', 'segments': [0]}, {'label': 'novel', 'segments': [1]},
              {'label': 'unheard of', 'segments': [2]}]
    (tmp_path / 'region0.semseg.json').write_text(json.dumps({'segGroups': groups}))
    mesh, labels, unknown = read_region(tmp_path, 0, categories)
    assert len(mesh.faces) == 4
    names = class_map.target.names
    assert [names[label] if label != 255 else None for label in labels] == [
        'sofa', 'objects', None, None]
    assert unknown == 1
    (tmp_path / 'region0.fsegs.json').write_text(json.dumps({'segIndices': [0, 1]}))
    with pytest.raises(DataError, match='copy the region again'):
        read_region(tmp_path, 0, categories)
