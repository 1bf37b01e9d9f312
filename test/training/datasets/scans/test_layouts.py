"""Every layout that scans are written in reads back to the same scan."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats import ChunkFile, SparseTsdf, write_chunk, write_frame_list
from ssc_ros.fusion.volume_grid import VolumeGrid
from training.datasets.scans import (
    MatterportBuilding,
    ScanNetFolder,
    SensScan,
    SpsgImages,
    TumScan,
    find_chunks,
)
from training.datasets.scans.files import read_matrix
from training.datasets.scans.writers import LAYOUTS

from .tiny import CAMERA, TinyScan

READERS = {
    'sens': lambda folder: SensScan(folder / f'{folder.name}.sens'),
    'scannet': ScanNetFolder,
    'matterport': lambda folder: MatterportBuilding(folder, 'bottom'),
    'tum': lambda folder: TumScan(folder, camera=CAMERA),
    'spsg': SpsgImages,
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_layout_reads_back_what_was_written(tmp_path, tiny_scan, layout):
    scan = READERS[layout](LAYOUTS[layout](tiny_scan, tmp_path))
    assert (scan.name, len(scan)) == ('tiny', 3)
    for own, read in zip(tiny_scan, scan, strict=True):
        np.testing.assert_allclose(read.depth_m, own.depth_m, atol=6e-4)
        assert np.abs(read.rgb.astype(int) - own.rgb).mean() < 4
        np.testing.assert_allclose(read.T_world_camera, own.T_world_camera, atol=1e-5)
        for camera in (read.depth_camera, read.color_camera):
            np.testing.assert_allclose(camera.matrix, CAMERA.matrix, atol=1e-5)


def test_labels_come_back_as_the_classes_that_stand_for_them(tmp_path, tiny_scan):
    scan = ScanNetFolder(LAYOUTS['scannet'](tiny_scan, tmp_path))
    assert scan.label_space == 'nyu40'
    labels = scan.read('1').labels
    # Stripes of nyu12: ceiling, floor, wall, window...
    assert labels[0, ::4].tolist()[:4] == [21, 1, 0, 8]
    assert (labels[-1] == 255).all()


def test_scannet_without_a_label_table_has_no_labels(tmp_path, tiny_scan):
    folder = LAYOUTS['scannet'](tiny_scan, tmp_path)
    (tmp_path / 'scannetv2-labels.combined.tsv').unlink()
    assert ScanNetFolder(folder).read('0').labels is None


def test_scannet_frames_that_lack_a_file_are_left_out(tmp_path, tiny_scan):
    folder = LAYOUTS['scannet'](tiny_scan, tmp_path)
    (folder / 'color' / '1.jpg').unlink()
    assert ScanNetFolder(folder).frame_ids == ('0', '2')


def test_scannet_keeps_lost_poses_lost(tmp_path, tiny_scan):
    folder = LAYOUTS['scannet'](tiny_scan, tmp_path)
    (folder / 'pose' / '1.txt').write_text('\n'.join(['-inf -inf -inf -inf'] * 4))
    scan = ScanNetFolder(folder)
    assert not scan.read('1').is_tracked
    assert scan.read('2').is_tracked


def test_a_malformed_pose_is_named(tmp_path):
    path = tmp_path / '0.txt'
    path.write_text('1 2 3')
    with pytest.raises(DataError, match='3 numbers, expected 16'):
        read_matrix(path)


def test_tum_pairs_what_is_nearest_in_time_and_drops_the_rest(tmp_path, tiny_scan):
    folder = LAYOUTS['tum'](tiny_scan, tmp_path)
    depth = (folder / 'depth.txt').read_text().splitlines()
    (folder / 'depth.txt').write_text('\n'.join([*depth[:-1], '1.215 depth/1.200000.png']))
    scan = TumScan(folder, camera=CAMERA)
    assert scan.read('2').stamp_ns == 1_215_000_000
    (folder / 'depth.txt').write_text('\n'.join([*depth[:-1], '1.25 depth/1.200000.png']))
    assert len(TumScan(folder, camera=CAMERA)) == 2
    with pytest.raises(DataError, match='check the clocks'):
        (folder / 'depth.txt').write_text('9.0 depth/1.200000.png')
        TumScan(folder, camera=CAMERA)


def test_spsg_chunks_are_found_with_their_targets_and_views(tmp_path, tiny_scan):
    grid = VolumeGrid.around((0, 0, 0), (0.1, 0.1, 0.1))
    sparse = SparseTsdf(grid, np.array([[3, 2, 1]], np.int32), np.array([0.01], np.float32))
    chunk = ChunkFile(sparse, np.ones(grid.shape, np.uint8),
                      np.zeros((*grid.shape, 3), np.uint8))
    for kind in ('inc', 'cmp'):
        write_chunk(tmp_path / f'tiny_room4__{kind}__7.sdf', chunk)
    write_frame_list(tmp_path / 'tiny_room4__cmp__7.txt', ['2', '0'], slots=5)
    (pair,) = find_chunks(tmp_path, tmp_path)
    assert (pair.scene, pair.frame_ids()) == ('tiny', ('2', '0'))
    incomplete, complete = pair.read()
    assert incomplete.volume.grid.shape == complete.volume.grid.shape == grid.shape
    images = SpsgImages(LAYOUTS['spsg'](tiny_scan, tmp_path / 'images'))
    assert set(pair.frame_ids()) <= set(images.frame_ids)
    (tmp_path / 'tiny_room4__cmp__7.sdf').unlink()
    with pytest.raises(DataError, match='needs its target'):
        find_chunks(tmp_path, tmp_path)


def test_more_than_one_panorama_gets_names_of_its_own(tmp_path):
    folder = LAYOUTS['matterport'](TinyScan(20), tmp_path)
    assert len(list((folder / 'undistorted_color_images').iterdir())) == 20
    assert len(MatterportBuilding(folder, 'bottom')) == 20
