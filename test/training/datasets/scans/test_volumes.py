"""The commands fuse, validate, associate and complete."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.fusion.chunks import ChunkRules
from ssc_ros.fusion.formats import read_scene
from ssc_ros.fusion.tsdf_fusion import load_volume
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.presets import load_preset
from ssc_ros.models.s4r.processing import S4rEstimator
from training.datasets.scans import volumes
from training.datasets.scans.__main__ import main
from training.datasets.scans.opening import open_scan
from training.datasets.scans.ply import read_ply
from training.datasets.scans.prepare import ChunkOptions, write_training_chunks

VOXEL_SIZE = ('--voxel-size', '0.08')


@pytest.fixture(scope='module')
def scan(tmp_path_factory):
    """Return the folder of a scan of one room."""
    root = tmp_path_factory.mktemp('scans')
    assert main(['generate', str(root), '--rooms', '1', '--frames', '5', '--height', '60',
                 '--width', '80']) == 0
    return root / 'synthetic_train_0000'


@pytest.fixture(scope='module')
def fused(scan, tmp_path_factory):
    path = tmp_path_factory.mktemp('volumes') / 'room.npz'
    assert main(['fuse', 'scannet', str(scan), str(path), *VOXEL_SIZE]) == 0
    return path


def test_a_scan_is_fused_into_a_volume_and_a_mesh(fused, scan, capsys):
    volume = load_volume(fused)
    assert volume.grid.voxel_size_m == pytest.approx(0.08) and volume.surface.sum() > 1000
    assert len(read_ply(fused.with_suffix('.ply')).vertices) > 1000
    sparse = fused.with_suffix('.sdf')
    assert main(['fuse', 'scannet', str(scan), str(sparse), *VOXEL_SIZE]) == 0
    assert '5 frames of synthetic_train_0000' in capsys.readouterr().out
    np.testing.assert_array_equal(read_scene(sparse).surface, volume.surface)


def test_a_volume_is_validated(fused, capsys):
    assert main(['validate', str(fused)]) == 0
    assert '0.08' in capsys.readouterr().out  # networks of this kind expect 2 cm


def test_lists_of_views_are_made_anew(scan, tmp_path, capsys):
    rules = ChunkRules((32, 16, 16), 16, 100, 20)
    count = write_training_chunks(open_scan('scannet', scan), tmp_path, ChunkOptions(
        rules=rules, max_chunks=2, voxel_size_m=0.08))
    lists = sorted((tmp_path / 'data-frames').iterdir())
    before = [path.read_text() for path in lists]
    for path in lists:
        path.unlink()
    assert main(['associate', str(tmp_path), 'scannet', str(scan)]) == 0
    assert f'lists of {count} chunks' in capsys.readouterr().out
    assert count == 2 and [path.read_text() for path in lists] == before


def test_a_volume_is_completed_into_a_mesh(fused, tmp_path, capsys, monkeypatch):
    torch.manual_seed(0)
    config = replace(load_preset('small'), channels=(2, 3, 4), chunk_shape=(32, 16, 16),
                     voxel_size_m=0.08)
    network = S4rEstimator(S4rNetwork(config), name='tiny', device='cpu', precision='float32')
    monkeypatch.setattr(volumes, 'load_volume_estimator', lambda *names, **options: network)
    assert main(['complete', str(fused), str(tmp_path / 'room.ply')]) == 0
    assert 'vertices measured' in capsys.readouterr().out
    vertices = read_ply(tmp_path / 'room.ply').vertices
    assert {'observed', 'red', 'label', 'confidence'} <= set(vertices.dtype.names)
    assert vertices['observed'].any() and vertices['label'].max() < 11


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['fuse', 'tum', 'none', 'room.obj'], '.npz or .sdf'),
    (['validate', 'none.npz'], 'does not exist'),
    (['associate', 'none', 'tum', 'none'], 'rgb.txt')])
def test_what_cannot_be_done_is_an_error_not_a_trace(arguments, reason, capsys):
    assert main(arguments) == 1
    assert reason in capsys.readouterr().err


def test_voxels_of_another_size_are_refused_with_the_remedy(fused, tmp_path, capsys):
    assert main(['complete', str(fused), str(tmp_path / 'room.ply')]) == 1
    assert '--voxel-size 0.04' in capsys.readouterr().err
